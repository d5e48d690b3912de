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
from monai.transforms import MapTransform, Transform

from monai_ddfm.transforms.argument_repr import ArgumentRepr

__all__ = ["PaintProvenance", "PaintProvenanceD", "PaintProvenanceDict", "PaintProvenanced"]


class PaintProvenance(ArgumentRepr, Transform):
    """Mix the colours of the sources by their shares, dimmed by the fused image: the background stays dark.

    Args:
        palette: qualitative colour map of matplotlib; source k gets its k-th colour.
    """

    def __init__(self, palette: str = "Dark2") -> None:
        self.palette = torch.tensor(colormaps[palette].colors)  # type: ignore[attr-defined]

    def __call__(self, shares: torch.Tensor, fused: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return RGB ``[3, *spatial]`` in [0, 1], on the CPU.

        Args:
            shares: provenance ``[K, *spatial]``, which sums to 1.
            fused: ``[1, *spatial]`` in [-1, 1].
        """
        plain = shares.detach().cpu().float().as_subclass(torch.Tensor)
        colours = self.palette[torch.arange(len(plain)) % len(self.palette)]
        mixed = torch.einsum("kc,k...->c...", colours, plain)
        brightness = ((fused.detach().cpu().as_subclass(torch.Tensor) + 1.0) / 2.0).clamp(0.0, 1.0)
        rgb = mixed * brightness.sqrt()
        return MetaTensor(rgb, meta=shares.meta) if isinstance(shares, MetaTensor) else rgb


class PaintProvenanced(ArgumentRepr, MapTransform):
    """Dictionary version of `PaintProvenance`.

    Args:
        keys: provenance.
        fused: key of the fused image.
        output_key: key of the picture.
        palette: see `PaintProvenance`.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        fused: str = "pred",
        output_key: str = "painted",
        palette: str = "Dark2",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.fused = fused
        self.output_key = output_key
        self.paint = PaintProvenance(palette)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the picture."""
        painted = dict(data)
        for key in self.key_iterator(painted):
            painted[self.output_key] = self.paint(painted[key], painted[self.fused])
        return painted


PaintProvenanceD = PaintProvenanceDict = PaintProvenanced
