# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Normalisation of a training volume, by the modality and window of its datalist entry."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.transforms import MapTransform

from monai_ddfm.transforms.normalize_modality import NormalizeModality

__all__ = ["NormalizeEntryd"]


class NormalizeEntryd(MapTransform):
    """`NormalizeModality` as inference uses it, told by the ``modality`` and ``window`` (or None) of each entry."""

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Normalise every key's volume ``[1, H, W, D]`` to [-1, 1]."""
        normalised = dict(data)
        for key in self.key_iterator(normalised):
            normalised[key] = NormalizeModality(normalised["modality"], window=normalised.get("window"))(
                normalised[key]
            )
        return normalised
