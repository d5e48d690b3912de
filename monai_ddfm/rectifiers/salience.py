# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The salience of each source at each voxel (brightness and detail), and base layers injected from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from monai_ddfm.rectifiers.grid import at_edges, box_mean, difference, gradient_energy, per_source, spatial_axes

__all__ = [
    "contrast_gain",
    "fine_detail",
    "inject_base_layer",
    "salience",
    "salient_gradient",
    "typical_detail",
]

# Below these (of the [0, 1] brightness range: 2.5 and 0.75 grey levels of 255) a voxel is dark, a region flat.
_DARK, _FLAT = 0.01, 0.003
_LARGEST_GAIN = 2.0  # near black, relative contrast means nothing


def fine_detail(bright: Tensor, window: Sequence[int], detail: Sequence[int], noise: Tensor) -> Tensor:
    """How much fine detail each source has around each voxel.

    Mean over the window of how far a voxel differs from the mean over the detail's size, less what noise adds to it.

    Args:
        bright: sources ``[B, K, *spatial]`` in [0, 1].
        window: odd side lengths of the window, one per spatial axis, in voxels.
        detail: likewise, the size up to which structure counts as detail.
        noise: noise level of each source ``[B, K]`` in the units of `bright`.

    Returns:
        e_k, same shape as `bright`, at least 0.
    """
    averaged = math.prod(size for size, extent in zip(detail, bright.shape[2:], strict=True) if extent > 1)
    detail_of_noise = math.sqrt((1 - 1 / averaged) * 2 / math.pi) * noise  # mean |x| of a normal x
    difference_to_mean = (bright - box_mean(bright, detail)).abs()
    return (box_mean(difference_to_mean, window) - per_source(detail_of_noise, bright)).clamp_min(0)


def typical_detail(fine: Tensor, foreground: Tensor) -> Tensor:
    """Mean detail of each source over the foreground, ``[B, K]``; that of a source without any counts as flat.

    Args:
        fine: see `fine_detail`.
        foreground: which voxels count, ``[B, 1, *spatial]``.
    """
    counted = foreground.to(fine)
    mean = (fine * counted).flatten(2).sum(-1) / counted.flatten(2).sum(-1).clamp_min(1)
    return mean.clamp_min(_FLAT)


def salience(
    bright: Tensor,
    fine: Tensor,
    typical: Tensor,
    window: Sequence[int],
    mix: float,
    sharpness: float,
    fairness: float,
) -> Tensor:
    """Weight of each source at each voxel.

    Brightness b_k (mean over a third of the window) and detail e_k, by what the source has of it elsewhere, t_k, are
    mixed geometrically: w_k = (b_k^mix (e_k / t_k^fairness)^(1 - mix))^sharpness / sum over the sources.

    Args:
        bright: sources ``[B, K, *spatial]`` in [0, 1].
        fine: e_k of the same shape.
        typical: t_k ``[B, K]``.
        window: odd side lengths of the window, one per spatial axis, in voxels.
        mix: 0 looks at detail alone, 1 at brightness alone.
        sharpness: 0 weighs all sources alike; the larger, the harder the choice between them.
        fairness: 0 compares the sources' detail as it is, 1 each by its own measure.

    Returns:
        weights ``[B, K, *spatial]``, summing to 1 over the sources.
    """
    third = [size // 6 * 2 + 1 for size in window]
    log_bright = torch.log(box_mean(bright, third).clamp_min(0) + _DARK)
    log_detail = torch.log(fine + _FLAT) - fairness * per_source(torch.log(typical), bright)
    return torch.softmax(sharpness * (mix * log_bright + (1 - mix) * log_detail), dim=1)


def inject_base_layer(bright: Tensor, amount: float, window: Sequence[int], high: Tensor) -> Tensor:
    """Return each source with the others' base layers injected.

    m_k = s_k + mean over the window of (min(s_k + amount * sum over j of (1 - c_kj) s_j, high) - s_k), with c_kj the
    correlation of the two sources over the window, 0 where it is negative: a smooth layer of light, for what s_k does
    not show already, that leaves its fine structure alone. Equal sources stay as they are.

    Args:
        bright: sources ``[B, K, *spatial]`` in [0, 1].
        amount: 0 no base layer is injected, 1 all of it.
        window: odd side lengths of the window, one per spatial axis, in voxels.
        high: largest value the layers may aim at ``[B, 1, *spatial]``.

    Returns:
        layered sources, same shape.
    """
    if amount == 0:
        return bright
    mean = box_mean(bright, window)
    variance = (box_mean(bright.square(), window) - mean.square()).clamp_min(0)
    light = torch.zeros_like(bright)
    sources = range(bright.shape[1])
    for k in sources:
        for j in sources[k + 1 :]:
            covariance = box_mean(bright[:, k, None] * bright[:, j, None], window)[:, 0] - mean[:, k] * mean[:, j]
            deviations = (variance[:, k] * variance[:, j]).sqrt()
            # flat regions count as correlated, so that they stay as they are where they agree
            correlation = ((covariance + _FLAT**2) / (deviations + _FLAT**2)).clamp(0, 1)
            light[:, k] += (1 - correlation) * bright[:, j]
            light[:, j] += (1 - correlation) * bright[:, k]
    lifted = torch.minimum(bright + amount * light, high)
    return bright + box_mean(lifted - bright, window)


def contrast_gain(bright: Tensor, layers: Tensor, power: float, window: Sequence[int]) -> Tensor:
    """Return what gradients have to grow by for contrast to survive the injected brightness.

    Seen contrast is relative to brightness (Weber): where the light raises the local mean from s to m, gradients times
    m / s look as before. At least 1, and 1 where nothing is injected.

    Args:
        bright: sources ``[B, K, *spatial]`` in [0, 1].
        layers: the sources with the others' base layers, same shape, nowhere darker.
        power: 0 for no gain, 1 for the same relative contrast, more to raise it.
        window: odd side lengths of the window that local means are taken over, one per spatial axis, in voxels.
    """
    ratio = (box_mean(layers, window) + _DARK) / (box_mean(bright, window) + _DARK)
    return ratio.clamp(1.0, _LARGEST_GAIN) ** power


def salient_gradient(
    layers: Tensor, weights: Tensor, gain: Tensor, window: Sequence[int], noise: Tensor
) -> list[Tensor]:
    """Gradient of the source that is salient and has gradients nearby; the mean over several that are exactly alike.

    Args:
        layers: sources ``[B, K, *spatial]``.
        weights: salience of each source, same shape.
        gain: what its gradients within slices are multiplied by, same shape.
        window: odd side lengths of the neighbourhood, one per spatial axis, in voxels.
        noise: noise level of each source ``[B, K]`` in the units of `layers`; it does not count as gradient.

    Returns:
        one forward difference ``[B, 1, *spatial]`` per spatial axis.
    """
    # A difference of white noise has variance 2 sigma^2, on each axis that has a neighbour.
    axes = sum(extent > 1 for extent in layers.shape[2:])
    energy = box_mean(gradient_energy(layers), window) - per_source(2 * axes * noise.square(), layers)
    strength = weights * (energy.clamp_min(0) + _FLAT**2).sqrt()
    in_plane = layers.ndim - 2  # across slices a gain would be flicker
    return [
        _of_strongest(
            difference(layers, axis) * (at_edges(gain, axis) if axis >= in_plane else 1), at_edges(strength, axis)
        )
        for axis in spatial_axes(layers)
    ]


def _of_strongest(values: Tensor, strength: Tensor) -> Tensor:
    """The value ``[B, 1, *spatial]`` of the strongest source at each edge; the mean over several exactly alike."""
    strongest = (strength == strength.amax(1, keepdim=True)).to(values)
    return (strongest * values).sum(1, keepdim=True) / strongest.sum(1, keepdim=True)
