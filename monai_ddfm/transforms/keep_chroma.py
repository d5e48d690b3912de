# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Colour for fusions of colour pictures: the luminance is fused, the chroma kept."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import ensure_tuple
from PIL import Image

from monai_ddfm.io.endings import PICTURE_ENDINGS, image_ending
from monai_ddfm.io.picture import upright
from monai_ddfm.transforms.check_volume import file_of
from monai_ddfm.transforms.colour_functional import add_chroma, split_chroma

__all__ = ["KeepChromaD", "KeepChromaDict", "KeepChromad", "picture_chroma"]

_GREY_PALETTE = 2.0 / 255.0  # chroma below this is the rounding of a grey picture saved as RGB


def picture_chroma(path: str | Path) -> torch.Tensor | None:
    """Return a PNG/JPEG's chroma ``[3, H, W, 1]`` in the axes MONAI reads it in; None for grey or no picture."""
    path = Path(path)
    if image_ending(path) not in PICTURE_ENDINGS or not path.is_file():
        return None
    with Image.open(path) as picture:
        rgb = np.asarray(upright(picture).convert("RGB"), dtype=np.float32) / 255.0
    chroma = split_chroma(torch.from_numpy(rgb.T.copy()))[1]
    return None if float(chroma.abs().max()) <= _GREY_PALETTE else chroma[..., None]


class KeepChromad(MapTransform):
    """Give the fused luminance the chroma of the most colourful source picture, if one has colour.

    Args:
        keys: fused images ``[1, H, W, 1]`` in [-1, 1].
        sources: keys of the sources, read from PNG or JPEG.
        output_key: key of the colour image ``[3, H, W, 1]`` in [0, 1].
    """

    def __init__(self, keys: KeysCollection, sources: KeysCollection, output_key: str = "colour") -> None:
        super().__init__(keys)
        self.sources = ensure_tuple(sources)
        self.output_key = output_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the colour image, where a source is in colour."""
        coloured = dict(data)
        chromas = [picture_chroma(file_of(coloured[source])) for source in self.sources]
        found = [chroma for chroma in chromas if chroma is not None]
        if found:
            chroma = max(found, key=lambda one: float(one.abs().mean()))
            for key in self.key_iterator(coloured):
                grey = ((coloured[key] + 1.0) / 2.0).as_subclass(torch.Tensor)
                if chroma.shape[1:] == grey.shape[1:]:
                    coloured[self.output_key] = add_chroma(grey.cpu(), chroma)
        return coloured


KeepChromaD = KeepChromaDict = KeepChromad
