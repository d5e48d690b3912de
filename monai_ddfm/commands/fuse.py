# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm fuse``: its arguments. What it does with them is in `fuse_files`, which takes seconds to import."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from monai_ddfm.bundle import preset_names

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "add_sources", "run"]

NAME = "fuse"
SUMMARY = "Fuse registered images; the first is the anchor: the result is on its grid and in its units."
EXAMPLES = (
    "monai-ddfm fuse MR.nii.gz PET.nii.gz -o fused.nii.gz",
    "monai-ddfm fuse CT_FOLDER PET_FOLDER --preset pet_ct --register rigid --output-format dicom -o RESULTS",
    "monai-ddfm fuse t1.nii.gz trace.nii.gz --modalities MR PET --maps provenance conflict -o RESULTS",
    "monai-ddfm fuse MR.nii.gz PET.nii.gz --set colour_map hot_iron --set ct_window '[-160, 240]' -o RESULTS",
    "monai-ddfm fuse CT_FOLDER PET_FOLDER --spacing 2 --preset pet_ct -o RESULTS",
    "monai-ddfm fuse --dicomweb http://localhost:8042/dicom-web --study 1.2.3 --anchor MR --source PT",
    "monai-ddfm fuse --record RESULTS/MR.json -o AGAIN",
)


def add_sources(parser: ArgumentParser) -> None:
    """Declare what says which images are the sources, and how they are read and prepared."""
    add = parser.add_argument
    add("images", nargs="*", metavar="IMAGE", help="anchor and other sources: NIfTI files, DICOM folders, or pictures")
    add("--preset", choices=preset_names(), help="settings for one use (default: the bundle's own)")
    add("--modalities", nargs="+", metavar="M", help="MR, CT, PT or NM of each image (default: read from its name)")
    add("--register", choices=["none", "rigid"], help="rigid: move the sources onto the anchor first")
    add(
        "--spacing",
        metavar="MM",
        nargs="+",
        type=float,
        help="voxels that are fused: one side, or three of the anchor's axes",
    )
    add(
        "--transform",
        metavar="SOURCE=FILE",
        action="append",
        default=[],
        help="move a source by another program's registration: PET=affine.tfm (ITK, ANTs, Slicer or DICOM); "
        "PET=[FILE,1] the other way round",
    )
    add(
        "--select",
        metavar="SOURCE=SERIES",
        action="append",
        default=[],
        help="which series of a folder a source is: CT=UID, CT=number, CT=description, or MR=EchoTime=30",
    )
    add("--overwrite", action="store_true", help="replace existing results")
    add("--set", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="any other setting")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add_sources(parser)
    add = parser.add_argument
    add(
        "-o", "--output", default="output", help="the fused file (.nii.gz, .nii or .png), or a folder (default: output)"
    )
    add(
        "--maps",
        nargs="+",
        metavar="MAP",
        help="provenance, uncertainty, conflict, novelty, or all: written beside the fused file",
    )
    add("--steps", type=int, help="timesteps of sampling, where sources are still noisy after cleaning")
    add("--seed", type=int, help="makes the noise; the same seed, the same result")
    add("--device", help="e.g. cpu or cuda:0 (default: a GPU where there is one)")
    add("--output-format", choices=["nifti", "dicom", "both"], help="DICOM needs DICOM sources (default: nifti)")
    add("--dicomweb", metavar="URL", help="fetch the sources from this archive and store the DICOM results there")
    add("--store-to", metavar="TITLE@HOST:PORT", help="store the DICOM results at this node by C-STORE")
    add("--study", metavar="UID", help="StudyInstanceUID in the archive")
    add("--anchor", metavar="M", help="modality or SeriesInstanceUID of the anchor in the archive")
    add("--source", metavar="M", action="append", default=[], help="the same for another source; may be repeated")
    add("--trust-torchscript", action="store_true", help="let the weights be TorchScript, a program that is then run")
    add("--record", metavar="CASE.json", help="repeat the run that wrote this record: its sources, its settings")


def run(options: Namespace) -> dict[str, Any]:
    """Fuse files, or series of an archive; returns the case's name and the files of its results."""
    if options.record:
        from monai_ddfm.commands.repeat_record import repeat_record

        return repeat_record(options)
    from monai_ddfm.commands.fuse_files import fuse_archive, fuse_files

    return (fuse_archive if options.dicomweb else fuse_files)(options)
