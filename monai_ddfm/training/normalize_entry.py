# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
