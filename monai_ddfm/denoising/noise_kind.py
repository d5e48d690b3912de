# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What kind of noise it is, in words a user reads."""

from __future__ import annotations

import math

import numpy as np

from monai_ddfm.denoising.noise_model import NoiseModel

__all__ = ["noise_kind"]

_WHITE = 4.0  # times more power at one frequency than at another: no more is white
_RAMP = 3.0  # times more power at the middle frequencies than at the lowest: CT's ramp filter


def noise_kind(model: NoiseModel) -> str:
    """Return words such as "white", "smooth (6 mm)" or "grainy, more in some places than in others"."""
    if model.std == 0.0:
        return "none"
    nyquist = 0.5 / max(model.spacing)
    inside = np.linspace(0.0, nyquist, 65)
    power = np.interp(inside, model.frequencies, model.power)
    low, peak, high = power[:9].mean(), power.max(), power[-9:].mean()
    if peak <= _WHITE * min(low, high):
        words = "white"
    elif peak > _RAMP * low:
        words = "grainy"
    else:
        half = inside[np.nonzero(power >= peak / 2.0)[0][-1]]  # of a Gaussian blur: width 2 ln 2 / (√2 π f_half)
        words = (
            f"smooth (over {max(2.0 * math.log(2.0) / (math.sqrt(2.0) * math.pi * max(half, inside[1])), 0.0):.1f} mm)"
        )
    if model.gain is not None:
        words += ", growing with brightness"
    return words + (", more in some places than in others" if model.place is not None else "")
