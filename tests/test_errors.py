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

"""The reason out of its wrappings."""

from __future__ import annotations

import subprocess
import sys

import pytest
from monai.transforms import Compose

from monai_ddfm.errors import reason_of


def fails(_: object) -> None:
    raise FileNotFoundError("PET.nii.gz: no such file")


def test_out_of_a_compose() -> None:
    with pytest.raises(RuntimeError, match="applying transform") as wrapped:
        Compose([Compose([fails])])({})
    reason = reason_of(wrapped.value)
    assert isinstance(reason, FileNotFoundError)
    assert str(reason) == "PET.nii.gz: no such file"


def test_error_without_wrapping() -> None:
    bare = RuntimeError("out of memory")
    assert reason_of(bare) is bare
    error = ValueError("a window that does not rise")
    error.__cause__ = KeyError("x")
    assert reason_of(error) is error  # what was raised on purpose says it best


def test_said_last() -> None:
    program = (
        "from monai_ddfm.errors import say_reason_last\n"
        "say_reason_last()\n"
        "raise RuntimeError('wrapped') from ValueError('MR.nii.gz: every voxel is 0')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "monai_ddfm: ValueError: MR.nii.gz: every voxel is 0"
    assert "Traceback" in ended.stderr
