# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Debian's validators: dcmftest (dcmtk), dciodvfy and dcentvfy (dicom3tools)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

PROGRAMS = ("dcmftest", "dciodvfy", "dcentvfy")

needs_validators = pytest.mark.skipif(
    any(shutil.which(program) is None for program in PROGRAMS),
    reason="needs dcmftest, dciodvfy and dcentvfy (Debian: apt-get install dcmtk dicom3tools)",
)


def validator_errors(files: Sequence[Path]) -> list[str]:
    """Return what the validators call an error: in each file, and between the files of one study."""
    return _findings(files, "Error")


def validator_warnings(files: Sequence[Path]) -> list[str]:
    """Return what the validators only warn of."""
    return _findings(files, "Warning")


def _findings(files: Sequence[Path], kind: str) -> list[str]:
    found = []
    for file in files:
        if subprocess.run(["dcmftest", str(file)], capture_output=True).returncode:
            found.append(f"{file.name}: no DICOM file")
        found += [f"{file.name}: {line}" for line in _said(kind, "dciodvfy", "-new", str(file))]
    return found + _said(kind, "dcentvfy", *map(str, files))


def _said(kind: str, *command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(kind)]
