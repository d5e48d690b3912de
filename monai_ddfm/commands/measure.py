# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm measure``: regions in numbers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "run"]

NAME = "measure"
SUMMARY = (
    "Measure a mask or label map in sources and fusion: volume, mean, max, peak, percentiles, shares; CSV and JSON."
)
EXAMPLES = (
    "monai-ddfm measure CT.nii.gz PET.nii.gz --regions lesions.nii.gz -o lesions.csv",
    "monai-ddfm measure MR.nii.gz PET.nii.gz --regions lesions.nii.gz --fused fused.nii.gz --units PET=SUV",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE", help="sources, each in its own units: NIfTI files or DICOM folders")
    add("--regions", required=True, metavar="FILE", help="mask or label map, on any grid; 0 is background")
    add("--fused", metavar="FILE", help="the fusion of them")
    add("--provenance", metavar="FILE", help="CASE_provenance.nii.gz, of the same sources in the same order")
    add("--labels", nargs="+", metavar="NAME=N", help="names of labels (default: every label, by its number)")
    add("--units", nargs="+", metavar="NAME=UNIT", help="PET=SUV, of a NIfTI file (default: HU for a CT, DICOM's own)")
    add("--percentiles", nargs="+", type=float, default=[5, 25, 50, 75, 95], metavar="P", help="of the values")
    add("-o", "--output", default="regions", metavar="STEM", help="writes STEM.csv and STEM.json (default: regions)")
    add("--overwrite", action="store_true", help="replace existing results")


def run(options: Namespace) -> dict[str, Any]:
    """Measure; returns the files that were written and what the JSON holds."""
    from monai_ddfm.commands.measure_files import measure_files

    return measure_files(options)
