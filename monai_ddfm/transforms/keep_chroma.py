# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Colour for fusions of colour pictures: anatomy from the fusion, colours from the picture."""

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
from monai_ddfm.transforms.colour_mixing import Blend, mix, opacity_of, split_chroma

__all__ = ["KeepChromaD", "KeepChromaDict", "KeepChromad", "picture_colours"]

_GREY_PALETTE = 2.0 / 255.0  # chroma below this is the rounding of a grey picture saved as RGB


def picture_colours(path: str | Path) -> torch.Tensor | None:
    """Return a PNG/JPEG's RGB ``[3, H, W, 1]`` in [0, 1], in MONAI's axes; None for grey or no picture."""
    path = Path(path)
    if image_ending(path) not in PICTURE_ENDINGS or not path.is_file():
        return None
    with Image.open(path) as picture:
        rgb = np.asarray(upright(picture).convert("RGB"), dtype=np.float32) / 255.0
    colours = torch.from_numpy(rgb.T.copy())
    return None if float(split_chroma(colours)[1].abs().max()) <= _GREY_PALETTE else colours[..., None]


class KeepChromad(MapTransform):
    """Give the fused picture the colours of the most colourful source picture, if one has colour.

    A picture does not say which uptake its colours stand for; how bright the brightest channel is tells how far they
    cover the grey.

    Args:
        keys: fused images ``[1, H, W, 1]`` in [-1, 1].
        sources: keys of the sources, read from PNG or JPEG.
        output_key: key of the colour image ``[3, H, W, 1]`` in [0, 1].
        blend, threshold, opacity: see `ColourFunctional`; with ``luminance`` all chroma is kept.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sources: KeysCollection,
        output_key: str = "colour",
        blend: str | Blend = Blend.PERCEPTUAL,
        threshold: float = 0.05,
        opacity: float = 1.0,
    ) -> None:
        super().__init__(keys)
        self.sources = ensure_tuple(sources)
        self.output_key = output_key
        self.blend = Blend(blend)
        self.threshold, self.opacity = threshold, opacity

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the colour image, where a source is in colour."""
        coloured = dict(data)
        pictures = [picture_colours(file_of(coloured[source])) for source in self.sources]
        found = [picture for picture in pictures if picture is not None]
        if found:
            colours = max(found, key=lambda picture: float(split_chroma(picture)[1].abs().mean()))
            for key in self.key_iterator(coloured):
                grey = ((coloured[key] + 1.0) / 2.0).as_subclass(torch.Tensor).cpu()
                if colours.shape[1:] == grey.shape[1:]:
                    coloured[self.output_key] = mix(grey, colours, self._opacity(colours), self.blend)
        return coloured

    def _opacity(self, colours: torch.Tensor) -> torch.Tensor:
        brightest = colours.amax(dim=0, keepdim=True)
        if self.blend is Blend.LUMINANCE:
            return torch.ones_like(brightest)
        return opacity_of(brightest, self.blend, self.threshold, self.opacity)


KeepChromaD = KeepChromaDict = KeepChromad
