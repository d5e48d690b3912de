# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What cleaning noisy sources changes in a real fusion: the picture of docs/noise.md.

    python benchmarks/cleaning_pictures.py CT.nii.gz PET.nii.gz --out docs/pictures/cleaning.png [--places 0.4 0.6]
        [--detail 56]

The sources are fused by the default settings, with `denoise_sources` false and true; no noise is added. Two rows for
each axial slice, the whole of it and the square in its middle that is `--detail` voxels wide: both sources, the fusion
of the sources as they are, that of cleaned ones, what cleaning changed (grey is nothing, black and white a tenth of the
range), and the map `uncertainty` (white is a tenth of the range). Prints what the log says of the sources.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from monai_ddfm.denoising.noise_meta import notes_of
from monai_ddfm.foreground import foreground_box
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.names import IMAGE

_SIDE, _TITLE = 200, 16  # pixels of a picture and of its title
_SHOWN = 0.2  # a tenth of the range of [-1, 1]


def fused(files: Sequence[Path], clean: bool) -> tuple[Tensor, list[Tensor]]:
    """Both sources ``[2, H, W, D]`` and the inferer's answer, a volume ``[H, W, D]`` each: fused, uncertainty."""
    keys = [file.name.split(".")[0] for file in files]
    config = FusionConfig.of(
        anchor=keys[0], sources=keys[1:], denoise_sources=clean, maps=["uncertainty"] if clean else [], progress=False
    )
    pipeline = FusionPipeline(config)
    ready = pipeline.preprocess(dict(zip(keys, files, strict=True)))
    answer = pipeline.inferer(ready[IMAGE][None].to(pipeline.device), pipeline.prior).cpu()
    for key, note in zip(keys, notes_of(answer), strict=True):
        print(f"{key}: {note}")
    return ready[IMAGE].as_subclass(Tensor), list(answer.as_subclass(Tensor)[0])


def columns(files: Sequence[Path]) -> dict[str, Tensor]:
    """What is shown, by title: volumes ``[H, W, D]`` in [0, 1]."""
    sources, (plain,) = fused(files, clean=False)
    _, (cleaned, uncertainty) = fused(files, clean=True)
    box = foreground_box(sources.movedim(-1, 0), 0)
    shown = {
        **{file.name.split(".")[0]: (source + 1) / 2 for file, source in zip(files, sources, strict=True)},
        "fused, as they are": (plain + 1) / 2,
        "fused, cleaned": (cleaned + 1) / 2,
        "difference": (cleaned - plain) / _SHOWN / 2 + 0.5,
        "uncertainty": uncertainty / _SHOWN,
    }
    return {title: volume[box].clamp(0, 1) for title, volume in shown.items()}


def picture(plane: Tensor) -> Image.Image:
    """A plane ``[W, H]``, patient's left to the right, as large as fits into a square."""
    grey = Image.fromarray((plane.T.flip(0) * 255).round().to(torch.uint8).numpy())
    scale = _SIDE / max(grey.size)
    return grey.resize([max(1, round(side * scale)) for side in grey.size], Image.Resampling.NEAREST)


def sheet(shown: dict[str, Tensor], places: Sequence[float], detail: int) -> Image.Image:
    """Draw the columns, two rows for each place."""
    drawn = Image.new("L", (_SIDE * len(shown), _TITLE + _SIDE * 2 * len(places)))
    for column, (title, volume) in enumerate(shown.items()):
        ImageDraw.Draw(drawn).text((column * _SIDE + 4, 2), title, fill=255)
        corner = [max(0, (side - detail) // 2) for side in volume.shape[:2]]
        middle = tuple(slice(first, first + detail) for first in corner)
        for row, place in enumerate(np.repeat(places, 2)):
            plane = volume[..., round(place * (volume.shape[-1] - 1))]
            small = picture(plane[middle] if row % 2 else plane)
            drawn.paste(small, (column * _SIDE + (_SIDE - small.width) // 2, _TITLE + row * _SIDE))
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs=2, type=Path, help="anchor and source, named by their modality")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--places", nargs="+", type=float, default=[0.4, 0.6], help="of the slices, of 0 to 1")
    parser.add_argument("--detail", type=int, default=56, help="voxels of the square in the middle")
    options = parser.parse_args()
    sheet(columns(options.files), options.places, options.detail).save(options.out, optimize=True)


if __name__ == "__main__":
    main()
