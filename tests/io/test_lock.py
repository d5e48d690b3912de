# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""One run at a time in an output folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monai_ddfm.io.lock import locked_folder

HOLD = """
import sys
from monai_ddfm.io.lock import locked_folder
with locked_folder(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """A process that holds a folder until it is told to end."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    return process


def test_a_second_run_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    first = holder(tmp_path / "out")
    with pytest.raises(BlockingIOError, match=rf"out: process {first.pid} on \S+ since .*; wait until it has ended"):
        with locked_folder(tmp_path / "out"):
            pass
    first.communicate("")
    with locked_folder(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path / "out") == []


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    first = holder(tmp_path)
    first.kill()
    first.wait()
    with locked_folder(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot make this output folder"), locked_folder(tmp_path / "file" / "out"):
        pass
