# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which source each voxel came from."""

from __future__ import annotations

from torch import Tensor

from monai_ddfm.maps.base import Fusion

__all__ = ["provenance_map"]


def provenance_map(fusion: Fusion) -> Tensor:
    """Return the share of each source in each voxel ``[B, K, *spatial]``, as the rectifier's weights have it."""
    return fusion.provenance
