# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The channels of an inferer's output, each under its own name."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

from monai_ddfm.maps import MAPS
from monai_ddfm.transforms.argument_repr import ArgumentRepr

__all__ = ["SplitMaps", "SplitMapsD", "SplitMapsDict", "SplitMapsd"]


class SplitMaps(ArgumentRepr, Transform):
    """Split what `DDFMInferer` returns with ``maps`` into the fused image and the maps.

    Args:
        maps: the inferer's `maps`.
        sources: how many sources were fused; some maps have a channel for each.
    """

    def __init__(self, maps: Sequence[str], sources: int) -> None:
        self.sizes = {name: entry.channels(sources) for name, entry in MAPS.items() if name in maps}

    def __call__(self, img: torch.Tensor) -> list[torch.Tensor]:
        """Return the fused image ``[1, ...]``, then the maps, ``[K, ...]`` or ``[1, ...]``, in the order of `sizes`."""
        return list(img.split([1, *self.sizes.values()]))


class SplitMapsd(ArgumentRepr, MapTransform):
    """Dictionary version of `SplitMaps`: the fused image stays under its key, each map gets its own name.

    Args:
        keys: the inferer's output, usually ``pred``.
        maps, sources: see `SplitMaps`.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self, keys: KeysCollection, maps: Sequence[str], sources: int, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.split = SplitMaps(maps, sources)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the maps."""
        split = dict(data)
        for key in self.key_iterator(split):
            split.update(zip([key, *self.split.sizes], self.split(split[key]), strict=True))
        return split


SplitMapsD = SplitMapsDict = SplitMapsd
