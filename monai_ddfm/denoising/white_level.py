# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""White noise of a single slice, from its finest wavelet band: where texture hides the noise's spectrum."""

from __future__ import annotations

from torch import Tensor

from monai_ddfm.denoising.noise_estimate import estimate_noise

__all__ = ["white_level"]

_TEXTURE = 0.045  # what fine anatomy of clean MR and CT adds to the estimate, in the square; of a range of 2
_SOME = 200_000  # voxels, to find the range


def white_level(picture: Tensor) -> float:
    """Return the standard deviation of the white noise of a picture ``[H, W]``, in its units; 0 where there is none.

    Fine texture is in the estimate of the finest diagonal wavelet band (`estimate_noise`) as a sum of squares, and is
    taken off.
    """
    values = picture.flatten()[:: max(1, picture.numel() // _SOME)]
    low, high = values.quantile(values.new_tensor([0.005, 0.995])).tolist()
    if not high > low:
        return 0.0
    scaled = (picture - low) * (2.0 / (high - low)) - 1.0
    level = float(estimate_noise(scaled[None, None])) ** 2 - _TEXTURE**2
    return max(level, 0.0) ** 0.5 * (high - low) / 2.0
