# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm check``: what `fuse` would do with the same arguments."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from monai_ddfm.commands import fuse

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "run"]

NAME = "check"
SUMMARY = (
    "Say what fuse would do with these arguments: series, grids, registration, noise, memory, seconds. Writes nothing."
)
EXAMPLES = (
    "monai-ddfm check MR.nii.gz PET.nii.gz",
    "monai-ddfm check CT_FOLDER PET_FOLDER --preset pet_ct --register rigid --json",
    "monai-ddfm check --dicomweb http://localhost:8042/dicom-web --study 1.2.3",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command: those of `fuse`."""
    fuse.add_arguments(parser)


def run(options: Namespace) -> dict[str, Any]:
    """Read the sources; print and return what is found.

    Raises:
        ValueError: a record, which says itself what was found.
    """
    if options.record:
        raise ValueError("check looks at images: leave out --record")
    from monai_ddfm.commands.check_files import check_archive, check_files

    return (check_archive if options.dicomweb else check_files)(options)
