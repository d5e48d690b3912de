# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm mip``: turning projections of volumes. A command of its own, since it takes volumes from anywhere."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "run"]

NAME = "mip"
SUMMARY = "Project volumes by their maximum, from the front (PNG) or turning (GIF, MP4), in colour where they have it."
EXAMPLES = (
    "monai-ddfm mip RESULTS -o PICTURES",
    "monai-ddfm mip PET.nii.gz --format png mp4 --angles 72 --window 0 7",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add = parser.add_argument
    add(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="volumes (NIfTI, DICOM folders), or output folders: of each case its CASE_colour, else its CASE_fused",
    )
    add("-o", "--output", default="mip", metavar="DIR", help="folder of the pictures (default: mip)")
    add("--format", nargs="+", choices=["png", "gif", "mp4"], default=["png", "gif"], help="default: png gif")
    add("--angles", type=int, default=36, metavar="N", help="pictures of a whole turn (default: 36)")
    add("--pixel", type=float, default=0.0, metavar="MM", help="side of a pixel (default: the finest voxel side)")
    add(
        "--window", nargs=2, type=float, metavar=("LOW", "HIGH"), help="shown black and white (default: by percentiles)"
    )
    add("--overwrite", action="store_true", help="replace existing pictures")


def run(options: Namespace) -> dict[str, Any]:
    """Project; returns the files that were written."""
    from monai_ddfm.cohort.project import project_files

    written = []
    for path in project_files(
        options.images,
        options.output,
        options.format,
        options.angles,
        options.pixel,
        None if options.window is None else tuple(options.window),
        options.overwrite,
    ):
        written.append(str(path))
        if not options.json:
            print(path)
    return {"files": written}
