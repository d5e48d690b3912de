# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm check``: what `fuse` would do with the same arguments."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from monai_ddfm.commands import fuse

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "run"]

NAME = "check"
SUMMARY = (
    "Say what fuse would do with these arguments: series, grids, registration, noise, memory, seconds. Writes nothing."
)
EXAMPLES = (
    "monai-ddfm check MR.nii.gz PET.nii.gz",
    "monai-ddfm check CT_FOLDER PET_FOLDER --preset pet_ct --register rigid --json",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command: those of `fuse`."""
    fuse.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(options: Namespace) -> None:
    """Read the sources and print what is found.

    Raises:
        ValueError: series of an archive, or a record: these are not fetched to be looked at.
    """
    if options.dicomweb or options.record:
        raise ValueError("check looks at files: leave out --dicomweb and --record")
    from monai_ddfm.commands.check_files import check_files

    check_files(options)
