# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the 3D Slicer module computes: arrays and matrices in and out, and nothing of Slicer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monai_ddfm.apps.slices_first import slices_first, volume_of
from monai_ddfm.pipeline import FuseDDFM

__all__ = ["MODALITIES", "fuse_arrays", "modality_of_name"]

MODALITIES = ("MR", "CT", "PT", "NM")


def modality_of_name(name: str, default: str = "MR") -> str:
    """Return the modality that a node's name says, the default where it says none."""
    from monai_ddfm.transforms.modality import modality_of

    try:
        return modality_of(name).value
    except ValueError:
        return default


def fuse_arrays(
    arrays: Sequence[ArrayLike],
    matrices: Sequence[ArrayLike],
    modalities: Sequence[str],
    preset: str | None = None,
    parents: Sequence[ArrayLike | None] | None = None,
    **settings: Any,
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float64]]]:
    """Fuse volumes as Slicer holds them.

    Args:
        arrays: ``slicer.util.arrayFromVolume``: slice, row, column; the anchor first.
        matrices: ``GetIJKToRASMatrix``, ``[4, 4]``.
        modalities: one of `MODALITIES` for each.
        preset: see `FuseDDFM`.
        parents: the matrix to world of each volume's parent transform, ``[4, 4]``; None where it has none.
        **settings: of `FusionConfig`.

    Returns:
        ``fused`` and each map of one channel by its name, with the anchor's matrix, its parent's excluded: the new node
        takes the anchor's parent transform.

    Raises:
        ValueError: volumes that cannot be fused; see `FuseDDFM`.
    """
    above = [np.eye(4) if parent is None else np.asarray(parent) for parent in parents or [None] * len(arrays)]
    names = [f"volume {number} ({modality})" for number, modality in enumerate(modalities, start=1)]
    volumes = [
        volume_of(array, parent @ np.asarray(matrix), name)
        for array, matrix, parent, name in zip(arrays, matrices, above, names, strict=True)
    ]
    fused = FuseDDFM(modalities, preset, **settings).fuse(volumes)
    results = {}
    for name, volume in fused.items():
        channels = [volume] if len(volume) == 1 else [channel[None] for channel in volume]
        for number, channel in enumerate(channels, start=1):
            voxels, matrix = slices_first(channel)
            called = "fused" if name == "pred" else name + (f"_{number}" if len(channels) > 1 else "")
            results[called] = (voxels, np.linalg.inv(above[0]) @ matrix)
    return results
