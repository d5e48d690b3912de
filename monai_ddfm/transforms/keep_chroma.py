# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Colour for fusions of colour pictures: anatomy from the fusion, colours from the picture."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.utils import ensure_tuple

from monai_ddfm.io.endings import PICTURE_ENDINGS, image_ending
from monai_ddfm.io.picture import read_picture
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import file_of
from monai_ddfm.transforms.colour_mixing import Blend, mix, opacity_of, split_chroma

__all__ = ["KeepChroma", "KeepChromaD", "KeepChromaDict", "KeepChromad", "picture_colours"]

_COLOURED = ("RGB", "P", "CMYK")
_GREY_PALETTE = 2.0 / 255.0  # chroma below this is the rounding of a grey picture saved as RGB


def picture_colours(path: str | Path) -> torch.Tensor | None:
    """Return a PNG/JPEG's RGB ``[3, H, W, 1]`` in [0, 1], in MONAI's axes; None for grey or no picture."""
    path = Path(path)
    if image_ending(path) not in PICTURE_ENDINGS or not path.is_file():
        return None
    picture = read_picture(path)
    if picture.mode not in _COLOURED:
        return None
    colours = torch.from_numpy(np.asarray(picture.convert("RGB"), dtype=np.float32).T / np.float32(255.0))
    return None if float(split_chroma(colours)[1].abs().max()) <= _GREY_PALETTE else colours[..., None]


class KeepChroma(ArgumentRepr, Transform):
    """Give a fused picture the colours of a source picture.

    A picture does not say which uptake its colours stand for; how bright the brightest channel is tells how far they
    cover the grey.

    Args:
        blend, threshold, opacity: see `ColourFunctional`; with ``luminance`` all chroma is kept.
    """

    def __init__(self, blend: str | Blend = Blend.PERCEPTUAL, threshold: float = 0.05, opacity: float = 1.0) -> None:
        self.blend = Blend(blend)
        self.threshold, self.opacity = threshold, opacity

    def __call__(self, fused: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return RGB ``[3, H, W, 1]`` in [0, 1], on the CPU.

        Args:
            fused: ``[1, H, W, 1]`` in [-1, 1].
            colours: of the source picture ``[3, H, W, 1]`` in [0, 1], see `picture_colours`.
        """
        grey = ((fused + 1.0) / 2.0).as_subclass(torch.Tensor).cpu()
        return mix(grey, colours, self._opacity(colours), self.blend)

    def _opacity(self, colours: torch.Tensor) -> torch.Tensor:
        brightest = colours.amax(dim=0, keepdim=True)
        if self.blend is Blend.LUMINANCE:
            return torch.ones_like(brightest)
        return opacity_of(brightest, self.blend, self.threshold, self.opacity)


class KeepChromad(ArgumentRepr, MapTransform):
    """Dictionary version of `KeepChroma`: the colours of the most colourful source picture, if one has colour.

    Args:
        keys: fused images.
        sources: keys of the sources, read from PNG or JPEG.
        output_key: key of the colour image.
        blend, threshold, opacity: see `KeepChroma`.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sources: KeysCollection,
        output_key: str = "colour",
        blend: str | Blend = Blend.PERCEPTUAL,
        threshold: float = 0.05,
        opacity: float = 1.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.sources = ensure_tuple(sources)
        self.output_key = output_key
        self.keep = KeepChroma(blend, threshold, opacity)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the colour image, where a source is in colour."""
        coloured = dict(data)
        for key in self.key_iterator(coloured):
            colours = _most_colourful([file_of(coloured[source]) for source in self.sources])
            if colours is not None and colours.shape[1:] == coloured[key].shape[1:]:
                coloured[self.output_key] = self.keep(coloured[key], colours)
        return coloured


def _most_colourful(files: Sequence[str]) -> torch.Tensor | None:
    found = [colours for colours in map(picture_colours, files) if colours is not None]
    return max(found, key=lambda colours: float(split_chroma(colours)[1].abs().mean()), default=None)


KeepChromaD = KeepChromaDict = KeepChromad
