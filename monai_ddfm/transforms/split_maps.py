# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The channels of an inferer's output, each under its own name."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from monai_ddfm.maps import MAPS

__all__ = ["SplitMapsD", "SplitMapsDict", "SplitMapsd"]


class SplitMapsd(MapTransform):
    """Split what `DDFMInferer` returns with ``maps``: the fused image stays under its key, each map gets its own.

    Args:
        keys: the inferer's output, usually ``pred``.
        maps: the inferer's `maps`.
        sources: how many sources were fused; some maps have a channel for each.
    """

    def __init__(self, keys: KeysCollection, maps: Sequence[str], sources: int) -> None:
        super().__init__(keys)
        self.sizes = {name: entry.channels(sources) for name, entry in MAPS.items() if name in maps}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the maps, ``[K, ...]`` or ``[1, ...]``."""
        split = dict(data)
        for key in self.keys:
            parts = split[key].split([1, *self.sizes.values()])
            split.update(zip([key, *self.sizes], parts, strict=True))
        return split


SplitMapsD = SplitMapsDict = SplitMapsd
