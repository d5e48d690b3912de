# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm evaluate``: its arguments. What it does with them is in `evaluate_files`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from monai_ddfm.commands import fuse

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "run"]

NAME = "evaluate"
SUMMARY = (
    "Measure fused images of any method against their sources (EN, SD, SF, AG, MI, SCD, VIF, Qabf, SSIM, and what each "
    "source keeps), or every case in the output folder of a run; tables in CSV."
)
EXAMPLES = (
    "monai-ddfm evaluate RESULTS",
    "monai-ddfm evaluate MR.nii.gz PET.nii.gz --fused fused.nii.gz -o TABLES",
    "monai-ddfm evaluate CT_FOLDER PET_FOLDER --preset pet_ct --fused FUSED_FOLDER --json",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    fuse.add_sources(parser)
    add = parser.add_argument
    add("--fused", metavar="FILE", help="fusion of the images, in the first one's units and on its grid, or a picture")
    add("-o", "--output", metavar="DIR", help="folder of the tables (default: evaluation, of a run in its folder)")


def run(options: Namespace) -> dict[str, Any]:
    """Measure; returns the files that were written and the values of each case."""
    from monai_ddfm.commands.evaluate_files import evaluate_files

    return evaluate_files(options)
