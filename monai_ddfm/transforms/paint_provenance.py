# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The provenance map as a picture: one colour for each source."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from matplotlib import colormaps
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

__all__ = ["PaintProvenanceD", "PaintProvenanceDict", "PaintProvenanced"]


class PaintProvenanced(MapTransform):
    """Mix the colours of the sources by their shares, dimmed by the fused image: the background stays dark.

    Args:
        keys: provenance ``[K, *spatial]``, shares that sum to 1; nothing is done where a case has none.
        fused: key of the fused image ``[1, *spatial]`` in [-1, 1].
        output_key: key of the picture, RGB ``[3, *spatial]`` in [0, 1].
        palette: qualitative colour map of matplotlib; source k gets its k-th colour.
    """

    def __init__(
        self, keys: KeysCollection, fused: str = "pred", output_key: str = "painted", palette: str = "Dark2"
    ) -> None:
        super().__init__(keys, allow_missing_keys=True)
        self.fused = fused
        self.output_key = output_key
        self.palette = torch.tensor(colormaps[palette].colors)  # type: ignore[attr-defined]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the picture."""
        painted = dict(data)
        for key in self.key_iterator(painted):
            shares = painted[key].detach().cpu().float().as_subclass(torch.Tensor)
            colours = self.palette[torch.arange(len(shares)) % len(self.palette)]
            mixed = torch.einsum("kc,k...->c...", colours, shares)
            brightness = ((painted[self.fused].detach().cpu().as_subclass(torch.Tensor) + 1.0) / 2.0).clamp(0.0, 1.0)
            rgb = mixed * brightness.sqrt()
            like = painted[key]
            painted[self.output_key] = MetaTensor(rgb, meta=like.meta) if isinstance(like, MetaTensor) else rgb
        return painted


PaintProvenanceD = PaintProvenanceDict = PaintProvenanced
