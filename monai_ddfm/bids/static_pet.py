# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The static PET that is fused: a dynamic one averaged over its frames, and in SUV where that is known."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from monai_ddfm.bids.suv import suv_factor_of_sidecar
from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.io.nifti import read_nifti

__all__ = ["write_static_pet"]

logger = logging.getLogger(__name__)


def write_static_pet(
    image: Path,
    sidecar: Mapping[str, Any],
    target: Path,
    weight: float | None = None,
    window: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Write the static PET of an image.

    Args:
        image: NIfTI of three dimensions, or four with a frame for each FrameDuration.
        sidecar: the merged JSON.
        target: the new file.
        weight: of the body (kg), where the sidecar does not say it.
        window: (from, to) in seconds as FrameTimesStart counts them: frames that lie within; None for all.

    Returns:
        what the new file's sidecar says: Units, Description, FrameTimesStart and FrameDuration of the whole.

    Raises:
        ValueError: frames that the sidecar does not describe, or none within `window`.
    """
    loaded = read_nifti(image)
    voxels = np.asanyarray(loaded.dataobj)
    said: dict[str, Any] = {
        "Units": sidecar.get("Units", "arbitrary"),
        "Description": "PET that was fused",
        "SkullStripped": False,
    }
    if voxels.ndim == 4:
        chosen, starts, durations = _frames(image, sidecar, voxels.shape[3], window)
        voxels = np.average(voxels[..., chosen].astype(np.float32), axis=3, weights=durations)
        said |= {"FrameTimesStart": [float(starts[0])], "FrameDuration": [float(durations.sum())]}
        said["Description"] = f"Mean of {len(starts)} frames, weighted by their durations"
    factor = 1.0
    try:
        factor, reason = suv_factor_of_sidecar(sidecar, weight)
        said |= {"Units": "g/mL", "Description": f"{said['Description']}; SUVbw: {reason}"}
    except ValueError as error:
        logger.warning("%s: stays in %s, no SUV: %s", image, said["Units"], error)
    with atomic_file(target, overwrite=True) as partial:
        static = nibabel.Nifti1Image((voxels * factor).astype(np.float32), loaded.affine)
        static.header.set_xyzt_units("mm")
        nibabel.save(static, partial)
    return said


def _frames(
    image: Path, sidecar: Mapping[str, Any], count: int, window: tuple[float, float] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The numbers, starts and durations (s) of the frames within the window."""
    times = {name: np.atleast_1d(sidecar.get(name, [])) for name in ("FrameTimesStart", "FrameDuration")}
    for name, values in times.items():
        if values.shape != (count,) or values.dtype.kind not in "iuf":
            raise ValueError(f"{image}: {count} frames, but its sidecar has {values.size} numbers in {name}")
    starts, durations = (values.astype(np.float64) for values in times.values())
    low, high = window or (-np.inf, np.inf)
    chosen = np.flatnonzero((starts >= low) & (starts + durations <= high))
    if not len(chosen) or not (durations[chosen] > 0).all():
        raise ValueError(
            f"{image}: no frame within {low:g} to {high:g} s; they begin at {starts[0]:g} s and end at "
            f"{starts[-1] + durations[-1]:g} s"
        )
    return chosen, starts[chosen], durations[chosen]
