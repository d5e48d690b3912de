# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How a source was moved onto the anchor: its affine changes, its voxels stay, and its meta says both."""

from __future__ import annotations

import json

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray

__all__ = ["MOTION_KEY", "REGISTRATION_KEY", "motion_of", "moved"]

REGISTRATION_KEY = "registration"
MOTION_KEY = "registration_motion"  # JSON text, which passes MONAI's collation unchanged


def moved(volume: MetaTensor, motion: NDArray[np.float64], said: str) -> MetaTensor:
    """Return a volume ``[C, H, W, D]`` moved by a matrix ``[4, 4]`` (mm, RAS), beside what moved it before.

    Args:
        volume: stays as it is.
        motion: takes points of the volume's space to the anchor's.
        said: what was done, in words; goes to ``meta["registration"]``.
    """
    result = MetaTensor(volume.as_tensor(), meta=dict(volume.meta), applied_operations=volume.applied_operations)
    result.affine = torch.as_tensor(motion @ np.asarray(volume.affine, dtype=np.float64), dtype=torch.float64)
    before = motion_of(volume)
    result.meta[MOTION_KEY] = json.dumps((motion if before is None else motion @ before).tolist())
    earlier = volume.meta.get(REGISTRATION_KEY)
    result.meta[REGISTRATION_KEY] = f"{earlier}; then {said}" if earlier else said
    return result


def motion_of(volume: torch.Tensor) -> NDArray[np.float64] | None:
    """Return the matrix ``[4, 4]`` (mm, RAS) that a volume was moved by; None when nobody moved it."""
    text = volume.meta.get(MOTION_KEY) if isinstance(volume, MetaTensor) else None
    return None if not text else np.array(json.loads(text))
