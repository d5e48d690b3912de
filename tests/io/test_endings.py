# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

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
