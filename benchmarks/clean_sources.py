# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What does cleaning do to sources that need none? A fusion with it against one without, on volumes as they came.

    python benchmarks/clean_sources.py --pair ANCHOR OTHER [--pair ...] [--axes -1 0 1] [--pictures] [--slices N]

FILEs are NIfTI volumes with their modality in the name (``MR_T1.nii.gz``). The middle N slices of the anchor along each
axis are fused with ``denoise_sources`` true and false, as volumes or, with ``--pictures``, one by one. A row tells of
each source its noise in the range of 2 and how much of it is replaced, and of the eight usual measures the one that
loses most, in percent; below 1 is harmless. Equal: not one voxel differs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from markdown_table import table
from monai.transforms import LoadImage, SpatialCrop
from prior import MEASURES, grey, slices_of
from torch import Tensor

from monai_ddfm.inferers.source_noise import noise_of_pictures, noise_of_volumes
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.names import IMAGE, source_keys
from monai_ddfm.transforms.modality import modality_of

PICTURES = (0.35, 0.5, 0.65)  # of the slices: those that are fused alone


def pipelines(modalities: list[str], axis: int, spatial_dims: int) -> tuple[FusionPipeline, FusionPipeline]:
    """The default fusion with cleaning and without."""
    keys = source_keys([""] * len(modalities))
    settings = {"modalities": dict(zip(keys, modalities, strict=True)), "slice_axis": axis, "device": "cpu"}
    with_it, without = (
        FusionPipeline(
            FusionConfig.of(
                progress=False,
                anchor=keys[0],
                sources=keys[1:],
                spatial_dims=spatial_dims,
                denoise_sources=clean,
                **settings,
            )
        )
        for clean in (True, False)
    )
    return with_it, without


def largest_loss(changed: Tensor, kept: Tensor, sources: Tensor) -> tuple[str, float]:
    """The measure that lost most, and its change in percent; slices ``[D, C, H, W]`` in [-1, 1]."""
    known = grey(sources)
    changes = {}
    for name, function in MEASURES.items():
        before, after = (float(function(grey(fused), known).nanmean()) for fused in (kept, changed))
        changes[name] = 100 * (after - before) / abs(before)
    worst = min(changes, key=lambda name: changes[name])
    return worst, changes[worst]


def compare(ready: Tensor, pair: tuple[FusionPipeline, FusionPipeline], axis: int) -> tuple[str, str]:
    """Noise of each source, and the largest loss in words.

    Args:
        ready: sources ``[1, K, H, W]`` or ``[1, K, H, W, D]`` in [-1, 1], with their meta.
        pair: with cleaning and without.
        axis: that volumes are cut along.
    """
    volumes = ready.ndim == 5
    rows = noise_of_volumes(ready, axis, None) if volumes else noise_of_pictures(ready, None)
    noises = [(noise.model.std, noise.of(ready[:0, :1]).share) for noise in rows[0]]
    changed, kept = (way.inferer(ready, way.prior).as_subclass(Tensor) for way in pair)
    words = ", ".join(f"{std:.3f} ({share:.0%})" for std, share in noises)
    if torch.equal(changed, kept):
        return words, "equal"
    along = axis % 3 + 2
    cut = [image.movedim(along, -1) if volumes else image for image in (changed, kept, ready.as_subclass(Tensor))]
    name, percent = largest_loss(*(slices_of(image) for image in cut))
    return words, f"{name} {percent:+.2f} %"


def middle(image: Tensor, axis: int, slices: int) -> Tensor:
    """The middle slices of ``[1, H, W, D]`` along an axis, with their place in the world."""
    size = list(image.shape[1:])
    size[axis] = min(size[axis], slices)
    centre = [extent // 2 for extent in image.shape[1:]]
    return SpatialCrop(roi_center=centre, roi_size=size)(image)


def rows_of(files: tuple[Path, Path], axes: list[int], slices: int, pictures: bool) -> list[list[str]]:
    """A row for each axis, and for each picture."""
    modalities = [modality_of(file.name.split(".")[0]).name for file in files]
    name = f"{files[0].parent.name} {', '.join(file.name.removesuffix('.nii.gz') for file in files)}"
    loaded = [LoadImage(ensure_channel_first=True)(file) for file in files]
    rows = []
    for axis in axes:
        with_it, without = pipelines(modalities, axis, 2 if pictures else 3)
        ready = with_it.preprocessing(dict(zip(with_it.keys, loaded, strict=True)))[IMAGE]
        if not pictures:
            rows.append([name, f"axis {axis}", *compare(middle(ready, axis, slices)[None], (with_it, without), axis)])
            continue
        for place in PICTURES:
            index = round(place * (ready.shape[1 + axis % 3] - 1))
            picture = ready.as_subclass(Tensor).select(1 + axis % 3, index)[None]  # nothing is known of its noise
            rows.append([name, f"axis {axis}, slice {index}", *compare(picture, (with_it, without), axis)])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pair", nargs=2, type=Path, action="append", required=True, metavar=("ANCHOR", "OTHER"))
    parser.add_argument("--axes", nargs="+", type=int, default=[-1, 0, 1], choices=(-1, 0, 1))
    parser.add_argument("--slices", type=int, default=16, help="of a volume, around its middle")
    parser.add_argument("--pictures", action="store_true", help="three slices, each alone, and not the volume")
    args = parser.parse_args()
    with torch.no_grad():
        rows = [row for pair in args.pair for row in rows_of(tuple(pair), args.axes, args.slices, args.pictures)]
    print(table(["sources", "cut along", "noise of each (replaced)", "largest loss"], rows))


if __name__ == "__main__":
    main()
