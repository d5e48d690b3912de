# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Kinds of file by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_ddfm.io.endings import image_ending, image_stem


@pytest.mark.parametrize(
    ("name", "ending", "stem"),
    [
        ("MR.nii.gz", ".nii.gz", "MR"),
        ("sub-01.T1.NII", ".nii", "sub-01.T1"),
        ("a.PNG", ".png", "a"),
        ("a.jpeg", ".jpeg", "a"),
        ("notes.txt", None, "notes.txt"),
        ("archive.gz", None, "archive.gz"),
        ("series", None, "series"),
    ],
)
def test_ending_and_stem(name: str, ending: str | None, stem: str) -> None:
    assert image_ending(Path("/data") / name) == ending
    assert image_stem(Path("/data") / name) == stem
