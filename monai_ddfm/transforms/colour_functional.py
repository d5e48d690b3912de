# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Colour for fusions with PET or SPECT: brightness from the fusion, hue from the tracer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

__all__ = [
    "ColourFunctional",
    "ColourFunctionalD",
    "ColourFunctionalDict",
    "ColourFunctionald",
    "add_chroma",
    "split_chroma",
]

_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as the fusion reads colour pictures


def split_chroma(rgb: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return luminance ``[1, ...]`` and chroma ``[3, ...]`` (the rest, of luminance zero) of RGB ``[3, ...]``."""
    weights = torch.tensor(_LUMINANCE, dtype=rgb.dtype, device=rgb.device).view(3, *[1] * (rgb.ndim - 1))
    grey = (weights * rgb).sum(dim=0, keepdim=True)
    return grey, rgb - grey


def add_chroma(grey: torch.Tensor, chroma: torch.Tensor) -> torch.Tensor:
    """Return RGB ``[3, ...]`` in [0, 1]: luminance ``grey`` ``[1, ...]``, hue of ``chroma`` ``[3, ...]``.

    Where a colour would leave [0, 1] its saturation is lowered, never its hue or its luminance.
    """
    grey = grey.clamp(0.0, 1.0)
    room = torch.where(chroma > 0, 1.0 - grey, grey)
    limit = torch.where(chroma.abs() > 1e-6, room / chroma.abs().clamp_min(1e-6), torch.ones_like(chroma))
    return grey + chroma * limit.amin(dim=0, keepdim=True).clamp(0.0, 1.0)


class ColourFunctional(Transform):
    """Colour a fused image by the uptake of its functional source.

    The luminance is the fused image's. The chroma is that of the colour map at the uptake, weighted by the uptake, so
    that tissue without uptake stays grey.

    Args:
        colour_map: name of a matplotlib colour map; ``inferno`` is perceptually uniform, ``hot``, ``jet`` and
            ``nipy_spectral`` are usual in clinics.

    Raises:
        ValueError: no such colour map.
    """

    def __init__(self, colour_map: str = "inferno") -> None:
        if colour_map not in colormaps:
            raise ValueError(f"no colour map {colour_map!r}; take one of matplotlib's, e.g. inferno, magma, hot or jet")
        table = colormaps[colour_map](np.linspace(0.0, 1.0, 256))[:, :3]
        self.table = torch.from_numpy(table).float()

    def __call__(self, fused: torch.Tensor, functional: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return RGB ``[3, ...]`` in [0, 1] for ``fused`` and ``functional`` ``[1, ...]`` in [-1, 1], on one grid."""
        grey = ((fused + 1.0) / 2.0).clamp(0.0, 1.0)
        uptake = ((functional + 1.0) / 2.0).clamp(0.0, 1.0).to(grey)
        colours = self.table.to(grey)[(uptake[0].as_subclass(torch.Tensor) * 255.0).round().long()].movedim(-1, 0)
        rgb = add_chroma(grey.as_subclass(torch.Tensor), split_chroma(colours)[1] * uptake.as_subclass(torch.Tensor))
        return MetaTensor(rgb, meta=fused.meta) if isinstance(fused, MetaTensor) else rgb


class ColourFunctionald(MapTransform):
    """Dictionary version of `ColourFunctional`.

    Args:
        keys: fused images.
        functional: key of the PET or SPECT; None does nothing.
        output_key: key of the colour image.
        colour_map: see `ColourFunctional`; None does nothing.
    """

    def __init__(
        self,
        keys: KeysCollection,
        functional: str | None,
        output_key: str = "colour",
        colour_map: str | None = "inferno",
    ) -> None:
        super().__init__(keys)
        self.functional = functional
        self.output_key = output_key
        self.colour = None if colour_map is None or functional is None else ColourFunctional(colour_map)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the colour image."""
        coloured = dict(data)
        if self.colour is not None:
            for key in self.key_iterator(coloured):
                coloured[self.output_key] = self.colour(coloured[key], coloured[self.functional])
        return coloured


ColourFunctionalD = ColourFunctionalDict = ColourFunctionald
