# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What can be returned beside the fused image: one map a file, and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from monai_ddfm.maps.base import Fusion, FusionMap
from monai_ddfm.maps.conflict import conflict_map
from monai_ddfm.maps.novelty import novelty, novelty_map
from monai_ddfm.maps.provenance import provenance_map
from monai_ddfm.maps.uncertainty import uncertainty_map

MAPS: Mapping[str, FusionMap] = {
    "provenance": FusionMap(provenance_map, "share of each source in each voxel", per_source=True),
    "uncertainty": FusionMap(uncertainty_map, "what another scan might have shown: standard deviation of the noise"),
    "conflict": FusionMap(conflict_map, "what the rectifier had to choose between: spread of the sources by share"),
    "novelty": FusionMap(novelty_map, "distance outside the range of all sources nearby"),
}
"""Every map by its name in settings and file names, in the order in which maps follow the fused image."""

__all__ = ["MAPS", "Fusion", "FusionMap", "novelty"]
