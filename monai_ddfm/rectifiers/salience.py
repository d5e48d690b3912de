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

"""How much each source has to say at each voxel: brightness and structure, and what shines through from the others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from monai_ddfm.rectifiers.grid import box_mean, difference, gradient_energy, spatial_axes

__all__ = ["dominant_gradient", "salience", "shine_through"]

# Below these (of the [0, 1] brightness range: 2.5 and 0.75 grey levels of 255) a voxel is dark, a region flat.
_DARK, _FLAT = 0.01, 0.003


def salience(bright: Tensor, window: Sequence[int], mix: float, sharpness: float, noise: Tensor) -> Tensor:
    """Weight of each source's intensity at each voxel.

    Brightness b_k (mean over half the window) and structure e_k (root mean square gradient over the window) are mixed
    geometrically: w_k = (b_k^mix e_k^(1 - mix))^sharpness / sum over the sources.

    Args:
        bright: sources ``[B, K, *spatial]`` in [0, 1].
        window: odd side lengths of the window, one per spatial axis, in voxels.
        mix: 0 looks at structure alone, 1 at brightness alone.
        sharpness: 0 weighs all sources alike; the larger, the harder the choice between them.
        noise: noise level of each source ``[B, K]`` in the units of `bright`; it does not count as structure.

    Returns:
        weights ``[B, K, *spatial]``, summing to 1 over the sources.
    """
    half = [size // 4 * 2 + 1 for size in window]
    energy = box_mean(_energy_above_noise(bright, noise), window).clamp_min(0)
    log_bright = torch.log(box_mean(bright, half).clamp_min(0) + _DARK)
    log_structure = 0.5 * torch.log(energy + _FLAT**2)
    return torch.softmax(sharpness * (mix * log_bright + (1 - mix) * log_structure), dim=1)


def shine_through(bright: Tensor, amount: float, window: Sequence[int]) -> Tensor:
    """Return each source with the others shining through it.

    m_k = s_k + mean over the window of (min(s_k + amount * sum of the others, brightest source) - s_k): a smooth
    layer of light that leaves the fine structure of s_k alone, never brighter than the brightest source. Equal
    sources stay as they are.

    Args:
        bright: sources ``[B, K, *spatial]`` in [0, 1].
        amount: 0 nothing shines through; from 1 on the layer tends to the brightest source.
        window: odd side lengths of the window, one per spatial axis, in voxels.

    Returns:
        layered sources, same shape.
    """
    if amount == 0:
        return bright
    others = bright.sum(1, keepdim=True) - bright
    lifted = torch.minimum(bright + amount * others, bright.amax(1, keepdim=True))
    return bright + box_mean(lifted - bright, window)


def dominant_gradient(sources: Tensor, window: Sequence[int], noise: Tensor) -> list[Tensor]:
    """Gradient of the source with the most gradient energy nearby; the mean over several that have exactly the same.

    Args:
        sources: ``[B, K, *spatial]``.
        window: odd side lengths of the neighbourhood, one per spatial axis, in voxels.
        noise: noise level of each source ``[B, K]`` in the units of `sources`; it does not count as structure.

    Returns:
        one forward difference ``[B, 1, *spatial]`` per spatial axis.
    """
    energy = box_mean(_energy_above_noise(sources, noise), window)
    strongest = (energy == energy.amax(1, keepdim=True)).to(sources)
    strongest /= strongest.sum(1, keepdim=True)
    return [(strongest * difference(sources, axis)).sum(1, keepdim=True) for axis in spatial_axes(sources)]


def _energy_above_noise(sources: Tensor, noise: Tensor) -> Tensor:
    """Gradient energy less what white noise adds to it: 2 sigma^2 on each axis that has a neighbour."""
    axes = sum(size > 1 for size in sources.shape[2:])
    added = 2 * axes * noise.square()
    return gradient_energy(sources) - added.reshape(added.shape + (1,) * (sources.ndim - 2))
