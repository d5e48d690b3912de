# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What kind of noise it is, in words a user reads."""

from __future__ import annotations

import math

import numpy as np

from monai_ddfm.denoising.noise_model import NoiseModel

__all__ = ["is_white", "noise_kind"]

_WHITE = 4.0  # times more power at one frequency than at another: no more is white
_RAMP = 3.0  # times more power at the middle frequencies than at the lowest: CT's ramp filter


def is_white(model: NoiseModel) -> bool:
    """Return whether there is about as much power at all frequencies: anatomy never looks so."""
    low, peak, high, _ = _powers(model)
    return peak <= _WHITE * min(low, high)


def _powers(model: NoiseModel) -> tuple[float, float, float, float]:
    """Power at the lowest frequencies, at its peak, at the highest, and the last frequency with half of the peak."""
    inside = np.linspace(0.0, 0.5 / max(model.spacing), 65)
    power = np.interp(inside, model.frequencies, model.power)
    half = inside[np.nonzero(power >= power.max() / 2.0)[0][-1]]
    return power[:9].mean(), power.max(), power[-9:].mean(), max(half, inside[1])


def noise_kind(model: NoiseModel) -> str:
    """Return words such as "white", "smooth (6 mm)" or "grainy, more in some places than in others"."""
    if model.std == 0.0:
        return "none"
    low, peak, _, half = _powers(model)
    if is_white(model):
        words = "white"
    elif peak > _RAMP * low:
        words = "grainy"
    else:
        width = 2.0 * math.log(2.0) / (math.sqrt(2.0) * math.pi * half)  # of a Gaussian blur
        words = f"smooth (over {width:.1f} mm)"
    if model.gain is not None:
        words += ", growing with brightness"
    return words + (", more in some places than in others" if model.place is not None else "")
