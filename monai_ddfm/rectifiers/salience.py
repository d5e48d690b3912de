# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The salience of each source at each voxel (brightness and detail), and base layers injected from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from monai_ddfm.blocks import by_blocks
from monai_ddfm.rectifiers.grid import (
    at_edges,
    box_mean,
    difference,
    gradient_energy,
    over_sources,
    per_source,
    spatial_axes,
    total,
)

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
    around = box_mean(bright, detail)
    difference_to_mean = torch.sub(bright, around, out=around).abs_()
    return box_mean(difference_to_mean, window, out=around).sub_(per_source(detail_of_noise, bright)).clamp_min_(0)


def typical_detail(fine: Tensor, foreground: Tensor) -> Tensor:
    """Mean detail of each source over the foreground, ``[B, K]``; that of a source without any counts as flat.

    Args:
        fine: see `fine_detail`.
        foreground: which voxels count, ``[B, 1, *spatial]``.
    """
    counted = foreground.to(fine)
    sums = torch.cat([total(source[:, None] * counted) for source in fine.unbind(1)], dim=1)
    return (sums / total(counted).clamp_min(1)).clamp_min(_FLAT)


def salience(
    bright: Tensor,
    fine: Tensor,
    typical: Tensor,
    window: Sequence[int],
    mix: float,
    sharpness: float,
    fairness: Sequence[float],
) -> list[Tensor]:
    """Weight of each source at each voxel, for each `fairness`.

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

    def weigh(around: Tensor, detail: Tensor, log_typical: Tensor) -> list[Tensor]:
        log_bright = around.clamp_min(0).add_(_DARK).log_().mul_(mix)
        log_detail = (detail + _FLAT).log_()
        return [
            _softmax((log_detail - fair * log_typical).mul_(1 - mix).add_(log_bright).mul_(sharpness))
            for fair in fairness
        ]

    around = box_mean(bright, [size // 6 * 2 + 1 for size in window])
    return by_blocks(weigh, around, fine, per_source(torch.log(typical), bright).expand_as(bright))


def _softmax(logits: Tensor) -> Tensor:
    """Softmax over the sources, in place; torch's own rounds the last few voxels of a thread otherwise."""
    weights = logits.sub_(logits.amax(1, keepdim=True)).exp_()
    return weights.div_(over_sources(weights))


def inject_base_layer(bright: Tensor, base: Tensor, amount: float, window: Sequence[int], high: Tensor) -> Tensor:
    """Return each source with the others' base layers injected.

    m_k = s_k + mean over the window of (min(s_k + amount * sum over j of (1 - c_kj) s_j, high) - s_k), with c_kj the
    correlation of the two sources over the window, 0 where it is negative: a smooth layer of light, for what s_k does
    not show already, that leaves its fine structure alone. Equal sources stay as they are.

    Args:
        bright: sources ``[B, K, *spatial]`` in [0, 1].
        base: their means over the window, same shape.
        amount: 0 no base layer is injected, 1 all of it.
        window: odd side lengths of the window, one per spatial axis, in voxels.
        high: largest value the layers may aim at ``[B, 1, *spatial]``.

    Returns:
        layered sources, same shape.
    """
    if amount == 0:
        return bright
    count = bright.shape[1]
    pairs = [(k, j) for k in range(count) for j in range(k + 1, count)]
    square = bright.square()
    box_mean(square, window, out=square)
    products = torch.empty_like(bright[:, :1].expand(-1, len(pairs), *bright.shape[2:]).contiguous())
    for index, (k, j) in enumerate(pairs):
        torch.mul(bright[:, k], bright[:, j], out=products[:, index])
    box_mean(products, window, out=products)

    def lift(own: Tensor, mean: Tensor, square: Tensor, products: Tensor, high: Tensor) -> Tensor:
        variance = square.addcmul(mean, mean, value=-1).clamp_min_(0)
        light = torch.zeros_like(own)
        for index, (k, j) in enumerate(pairs):
            covariance = products[:, index].addcmul(mean[:, k], mean[:, j], value=-1)
            deviations = (variance[:, k] * variance[:, j]).sqrt_()
            # flat regions count as correlated, so that they stay as they are where they agree
            correlation = covariance.add_(_FLAT**2).div_(deviations.add_(_FLAT**2)).clamp_(0, 1)
            unlike = correlation.neg_().add_(1)
            light[:, k].addcmul_(unlike, own[:, j])
            light[:, j].addcmul_(unlike, own[:, k])
        return torch.minimum(own + amount * light, high).sub_(own)

    (lifted,) = by_blocks(lift, bright, base, square, products, high, out=[square])
    return box_mean(lifted, window, out=lifted).add_(bright)


def contrast_gain(base: Tensor, layers: Tensor, power: float, window: Sequence[int]) -> Tensor:
    """Return what gradients have to grow by for contrast to survive the injected brightness.

    Seen contrast is relative to brightness (Weber): where the light raises the local mean from s to m, gradients times
    m / s look as before. At least 1, and 1 where nothing is injected.

    Args:
        base: means of the sources over the window, ``[B, K, *spatial]`` in [0, 1]; overwritten.
        layers: the sources with the others' base layers, same shape, nowhere darker.
        power: 0 for no gain, 1 for the same relative contrast, more to raise it.
        window: odd side lengths of the window that local means are taken over, one per spatial axis, in voxels.
    """
    ratio = box_mean(layers, window).add_(_DARK)
    return ratio.div_(base.add_(_DARK)).clamp_(1.0, _LARGEST_GAIN).pow_(power)


def salient_gradient(
    layers: Tensor, weights: Tensor, gain: Tensor, window: Sequence[int], noise: Tensor
) -> list[Tensor]:
    """Gradient of the source that is salient and has gradients nearby; the mean over several that are exactly alike.

    Args:
        layers: sources ``[B, K, *spatial]``.
        weights: salience of each source, same shape; overwritten.
        gain: what its gradients within slices are multiplied by, same shape.
        window: odd side lengths of the neighbourhood, one per spatial axis, in voxels.
        noise: noise level of each source ``[B, K]`` in the units of `layers`; it does not count as gradient.

    Returns:
        one forward difference ``[B, 1, *spatial]`` per spatial axis.
    """
    # A difference of white noise has variance 2 sigma^2, on each axis that has a neighbour.
    axes = sum(extent > 1 for extent in layers.shape[2:])
    (energy,) = by_blocks(gradient_energy, layers, halo=1)
    box_mean(energy, window, out=energy).sub_(per_source(2 * axes * noise.square(), layers))
    strength = weights.mul_(energy.clamp_min_(0).add_(_FLAT**2).sqrt_())
    del energy  # memory: as large as the sources
    in_plane = layers.ndim - 2  # across slices a gain would be flicker

    def choose(layers: Tensor, gain: Tensor, strength: Tensor) -> list[Tensor]:
        return [
            _of_strongest(
                difference(layers, axis).mul_(at_edges(gain, axis)) if axis >= in_plane else difference(layers, axis),
                at_edges(strength, axis),
            )
            for axis in spatial_axes(layers)
        ]

    return by_blocks(choose, layers, gain, strength, halo=1)


def _of_strongest(values: Tensor, strength: Tensor) -> Tensor:
    """The value ``[B, 1, *spatial]`` of the strongest source at each edge; the mean over several exactly alike."""
    strongest = strength.eq_(strength.amax(1, keepdim=True))
    return over_sources(values.mul_(strongest)).div_(over_sources(strongest))
