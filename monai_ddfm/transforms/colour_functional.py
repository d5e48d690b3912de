# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Colour for fusions with PET or SPECT: anatomy from the fusion, colours from the tracers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import ensure_tuple
from torch import Tensor

from monai_ddfm.blocks import spans
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.colour_maps import AUTO, colour_table, maps_for
from monai_ddfm.transforms.colour_mixing import Blend, mix, opacity_of

__all__ = ["ColourFunctional", "ColourFunctionalD", "ColourFunctionalDict", "ColourFunctionald"]

_LEVELS = 256
_PLANES = 8  # at once, along the last axis: indices alone take twice the memory of an image


class ColourFunctional(ArgumentRepr, Transform):
    """Colour a fused image by the uptake of its functional sources.

    Several sources have one colour map each; their light adds up, as that of lamps does.

    Args:
        colour_maps: a name of `monai_ddfm.transforms.colour_maps` for each functional source.
        blend: how colour joins grey, see `Blend`.
        threshold: uptake, of the range from none to the highest, below which nothing is coloured.
        opacity: the largest, from 0 (grey) to 1.

    Raises:
        ValueError: no such colour map or blend, or a number outside [0, 1].
    """

    def __init__(
        self,
        colour_maps: str | Sequence[str] = "inferno",
        blend: str | Blend = Blend.PERCEPTUAL,
        threshold: float = 0.05,
        opacity: float = 1.0,
    ) -> None:
        if blend not in list(Blend):
            raise ValueError(f"blend must be one of {', '.join(Blend)}, got {blend!r}")
        if not (0 <= threshold <= 1 and 0 <= opacity <= 1):
            raise ValueError(f"threshold and opacity must be from 0 to 1, got {threshold} and {opacity}")
        self.blend = Blend(blend)
        self.threshold, self.opacity = threshold, opacity
        self.tables = [colour_table(name) for name in ensure_tuple(colour_maps)]

    def __call__(self, fused: Tensor, functional: Tensor | Sequence[Tensor]) -> Tensor:  # type: ignore[override]
        """Return RGB ``[3, ...]`` in [0, 1], on one grid.

        Args:
            fused: ``[1, ...]`` in [-1, 1].
            functional: the source, or one for each colour map, likewise.

        Raises:
            ValueError: not as many sources as colour maps.
        """
        sources = [functional] if isinstance(functional, Tensor) else list(functional)
        if len(sources) != len(self.tables):
            raise ValueError(f"{len(sources)} functional sources for {len(self.tables)} colour maps; give one for each")
        images = [image.as_subclass(Tensor).to(fused.as_subclass(Tensor)) for image in (fused, *sources)]
        mixed = self._looked_up(images[0]) if len(sources) == 1 else self._mixed
        rgb = images[0].new_empty([3, *fused.shape[1:]])
        for first, end in spans(fused.shape[-1], images[0][..., 0].numel(), fused.device, at_least=_PLANES):
            grey, *uptakes = (((image[..., first:end] + 1.0) / 2.0).clamp(0.0, 1.0) for image in images)
            rgb[..., first:end] = mixed(grey, uptakes)
        return MetaTensor(rgb, meta=fused.meta) if isinstance(fused, MetaTensor) else rgb

    def _looked_up(self, like: Tensor) -> Callable[[Tensor, Sequence[Tensor]], Tensor]:
        """`_mixed` of one source: an 8-bit picture has 256 x 256 pairs of grey and uptake, mixed once each."""
        level = torch.linspace(0.0, 1.0, _LEVELS, device=like.device)
        greys, uptakes = torch.meshgrid(level, level, indexing="ij")
        table = self._mixed(greys[None], [uptakes[None]]).movedim(0, -1)

        def look_up(grey: Tensor, uptakes: Sequence[Tensor]) -> Tensor:
            row, column = ((image[0] * (_LEVELS - 1)).round().long() for image in (grey, uptakes[0]))
            return table[row, column].movedim(-1, 0)

        return look_up

    def _mixed(self, grey: Tensor, uptakes: Sequence[Tensor]) -> Tensor:
        light = torch.zeros_like(grey).expand(3, *grey.shape[1:])
        seen_through = torch.ones_like(grey)
        for table, uptake in zip(self.tables, uptakes, strict=True):
            colours = table.to(grey)[(uptake[0] * (_LEVELS - 1)).round().long()].movedim(-1, 0)
            opacity = opacity_of(uptake, self.blend, self.threshold, self.opacity)
            light = light + (colours if len(uptakes) == 1 else (colours * (opacity > 0)).square())
            seen_through = seen_through * (1.0 - opacity)
        colour = light if len(uptakes) == 1 else light.sqrt().clamp(max=1.0)  # gamma 2: light adds, not its code
        return mix(grey, colour, 1.0 - seen_through, self.blend)


class ColourFunctionald(ArgumentRepr, MapTransform):
    """Dictionary version of `ColourFunctional`.

    Args:
        keys: fused images.
        functional: key of the PET or SPECT, or several; None does nothing.
        output_key: key of the colour image.
        colour_map: for one source its map, for several ``{key: map}``, or ``auto``; None does nothing.
        blend, threshold, opacity: see `ColourFunctional`.
        allow_missing_keys: skip keys that a case lacks.

    Raises:
        ValueError: see `maps_for` and `ColourFunctional`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        functional: str | Sequence[str] | None,
        output_key: str = "colour",
        colour_map: str | Mapping[str, str] | None = AUTO,
        blend: str | Blend = Blend.PERCEPTUAL,
        threshold: float = 0.05,
        opacity: float = 1.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.functional = ensure_tuple(functional or ())
        self.output_key = output_key
        self.colour = None
        if colour_map is not None and self.functional:
            self.colour = ColourFunctional(maps_for(self.functional, colour_map), blend, threshold, opacity)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the colour image."""
        coloured = dict(data)
        if self.colour is not None:
            for key in self.key_iterator(coloured):
                sources = [coloured[source] for source in self.functional]
                coloured[self.output_key] = self.colour(coloured[key], sources)
        return coloured


ColourFunctionalD = ColourFunctionalDict = ColourFunctionald
