# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The interface of every map: what it is made from, and what the registry says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from torch import Tensor

__all__ = ["Fusion", "FusionMap"]


class Fusion(NamedTuple):
    """A fusion that is done, for the maps that tell of it.

    Attributes:
        sources: what was fused, noisy ones cleaned, ``[B, K, *spatial]`` in [-1, 1].
        fused: the fused image ``[B, 1, *spatial]``.
        provenance: share of each source ``[B, K, *spatial]``, summing to 1 over K.
        repeated: fuses draws of what the sources could have shown, each from its own seed; yields ``[B, 1, *spatial]``.
        novelty_allowance: distance outside the sources' range that counts as noise.
        noise_left: gives the standard deviation of the noise left in each source ``[B, K, *spatial]``.
    """

    sources: Tensor
    fused: Tensor
    provenance: Tensor
    repeated: Callable[[], Iterable[Tensor]]
    novelty_allowance: float
    noise_left: Callable[[], Tensor]


class FusionMap(NamedTuple):
    """A line of the registry.

    Attributes:
        compute: makes the map ``[B, C, *spatial]``.
        summary: what it shows, in a few words.
        per_source: C is the number of sources, else 1.
    """

    compute: Callable[[Fusion], Tensor]
    summary: str
    per_source: bool = False

    def channels(self, sources: int) -> int:
        """Return C, for that number of sources."""
        return sources if self.per_source else 1
