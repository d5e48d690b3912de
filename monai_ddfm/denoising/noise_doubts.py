# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sources whose noise cannot be measured, or that look noisy for another reason."""

from __future__ import annotations

from torch import Tensor

from monai_ddfm.blocks import on_one_thread
from monai_ddfm.denoising.noise_model import NoiseModel

__all__ = ["doubt_before", "doubt_of"]

_STEPS = 2000  # different values, up to which the distance between them is looked at
_SOME = 200_000  # voxels, to look at values
_BELOW_STEP = 0.6  # times the step of quantised values: less noise is not told from rounding
_COARSE = 0.02  # of the range; finer steps hide no noise worth a word
_ALL_NOISE = 0.8  # share of all variance


def doubt_before(slices: Tensor, smallest: int) -> str | None:
    """Return in words why the noise of slices ``[D, H, W]`` cannot be measured, None where it can."""
    low, high = slices.aminmax()  # NaN where any voxel is
    if not bool(low.isfinite() & high.isfinite()):
        return "not all values are finite; noise not measured"
    if min(slices.shape[1:]) < smallest:
        return f"slices are smaller than {smallest} voxels, too small to measure noise"
    return "constant, no noise to measure" if bool(low == high) else None


def doubt_of(model: NoiseModel, slices: Tensor) -> tuple[str | None, bool]:
    """Return what makes a measured noise doubtful, in words or None, and whether it is to be believed all the same."""
    if model.std == 0.0:
        return None, True
    step = _step(slices)
    if model.std < _BELOW_STEP * step:
        some = slices.flatten()[:: max(1, slices.numel() // _SOME)]
        low, high = some.quantile(some.new_tensor([0.005, 0.995])).tolist()
        words = f"values come in steps of {step:.3g}; noise below that is not told from rounding, none assumed"
        return (words if step > _COARSE * (high - low) else None), False
    if model.std**2 > _ALL_NOISE * float(on_one_thread(slices.var, slices.device)):
        return "hardly anything but noise in it", True
    return None, True


def _step(slices: Tensor) -> float:
    """Distance of neighbouring values of quantised slices, 0 where they are not quantised."""
    values = slices.flatten()[:: max(1, slices.numel() // _SOME)].unique()
    return 0.0 if not 2 < len(values) <= _STEPS else float(values.diff().median())
