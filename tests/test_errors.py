# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The reason out of its wrappings."""

from __future__ import annotations

import os
import signal
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
        "from monai_ddfm.errors import end_in_one_line\n"
        "end_in_one_line()\n"
        "raise RuntimeError('wrapped') from ValueError('MR.nii.gz: every voxel is 0')\n"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "monai_ddfm: ValueError: MR.nii.gz: every voxel is 0\n"
    asked_for_more = {**os.environ, "MONAI_DEBUG": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=asked_for_more)
    assert "Traceback" in ended.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_in_one_line(number: signal.Signals, code: int) -> None:
    program = (
        "import os\n"
        "from monai_ddfm.errors import end_in_one_line\n"
        "end_in_one_line()\n"
        f"os.kill(os.getpid(), {int(number)})\n"
        "raise SystemExit('went on')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert ended.stderr == f"monai_ddfm: stopped by {number.name}; finished cases are kept, run again to go on\n"
