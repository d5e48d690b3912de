# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Whole limbs fused, slice by slice: the contact sheets of docs/results.md, from the patients that the bundle brings.

    python benchmarks/contact_sheets.py --out docs/pictures

Writes sheet_mri_ct.png, sheet_mri_pet.png and sheet_pet_ct.png: for each patient the sources, the fusion, its colour
and its provenance (one colour for each source) as rows; axial slices evenly over the limb, and the whole limb in the
coronal plane, as columns.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from monai.transforms import Compose
from PIL import Image, ImageDraw
from torch import Tensor

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.foreground import has_foreground
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.report.preview import middle_planes
from monai_ddfm.transforms import ColourFunctionald, PaintProvenanced, SplitMapsd

PATIENTS: Mapping[str, Mapping[str, str]] = {
    "sts_010": {"MR": "MR_T1.nii.gz", "CT": "CT.nii.gz", "PET": "PET.nii.gz"},
    "dicom_sts_013": {"MR": "MR", "CT": "CT", "PET": "PET"},
}
SHEETS = {"mri_ct": ("MR", "CT"), "mri_pet": ("MR", "PET"), "pet_ct": ("CT", "PET")}
_SLICES, _SIDE, _TITLE = 7, 96, 14  # columns of axial slices, pixels of a picture, pixels of a title


def fuse(patient: str, preset: str, keys: tuple[str, str]) -> dict[str, Tensor]:
    """Fuse two sources of a patient; returns what a sheet shows, by title, on one grid."""
    pipeline = FusionPipeline(FusionConfig.of(preset, maps=["provenance"], progress=False))
    folder = BUNDLE_ROOT / "example" / patient
    ready = pipeline.preprocessing({key: folder / PATIENTS[patient][key] for key in keys})
    ready["pred"] = pipeline.inferer(ready["image"][None].to(pipeline.device), pipeline.prior)[0].cpu()
    show = Compose(
        [
            SplitMapsd("pred", maps=("provenance",), sources=2),
            ColourFunctionald("pred", functional=pipeline.config.functional_keys),
            PaintProvenanced("provenance", fused="pred", output_key="painted"),
        ]
    )
    shown = show(ready)
    titles = {keys[0]: keys[0], keys[1]: keys[1], "pred": "fused", "colour": "colour", "painted": "provenance"}
    return {title: shown[key] for key, title in titles.items() if key in shown}


def evenly(volume: Tensor, count: int) -> list[int]:
    """Slices ``count`` of ``[1, H, W, D]`` evenly over where there is something."""
    filled = has_foreground(volume[None])[0, 0].flatten(0, 1).any(dim=0).nonzero()[:, 0]
    return np.linspace(int(filled[0]), int(filled[-1]), count + 2).round().astype(int)[1:-1].tolist()


def _fitted(plane: np.ndarray) -> Image.Image:
    """A plane in a square picture."""
    picture, square = Image.fromarray(plane), Image.new("RGB", (_SIDE, _SIDE))
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    square.paste(picture, ((_SIDE - picture.width) // 2, (_SIDE - picture.height) // 2))
    return square


def sheet(patients: Mapping[str, Mapping[str, Tensor]]) -> Image.Image:
    """Draw the patients under each other."""
    rows: list[tuple[str, list[Image.Image]]] = []
    for patient, volumes in patients.items():
        of_fusion = volumes["fused"].as_subclass(Tensor)
        y = of_fusion.shape[2] // 2
        places = [(0, 0, z) for z in evenly(of_fusion, _SLICES)]
        for title, volume in volumes.items():
            planes = [middle_planes(volume, place)[0] for place in places] + [middle_planes(volume, (0, y, 0))[1]]
            rows.append((f"{patient}: {title}", [_fitted(plane) for plane in planes]))
    picture = Image.new("RGB", ((_SLICES + 1) * _SIDE, len(rows) * (_SIDE + _TITLE)))
    draw = ImageDraw.Draw(picture)
    for i, (title, planes) in enumerate(rows):
        draw.text((4, i * (_SIDE + _TITLE) + 1), title, fill="white")
        for j, plane in enumerate(planes):
            picture.paste(plane, (j * _SIDE, i * (_SIDE + _TITLE) + _TITLE))
    return picture


def main() -> None:
    """Fuse and write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the sheets")
    parser.add_argument("--sheet", choices=tuple(SHEETS), action="append", help="only this one (repeatable)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        for preset in options.sheet or SHEETS:
            volumes = {patient: fuse(patient, preset, SHEETS[preset]) for patient in PATIENTS}
            sheet(volumes).save(options.out / f"sheet_{preset}.png", optimize=True)


if __name__ == "__main__":
    main()
