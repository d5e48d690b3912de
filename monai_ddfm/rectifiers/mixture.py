# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Expectation-maximisation for L1 terms on intensities and gradients, as Gaussian scale mixtures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from monai_ddfm.rectifiers.grid import difference, spatial_axes

__all__ = ["expected_precision", "fit_intensities_and_gradients"]


def expected_precision(residual: Tensor, knee: float) -> Tensor:
    """E-step of a Laplace term seen as a Gaussian scale mixture: E[1/variance] = 1/sqrt(x^2 + knee^2)."""
    return torch.rsqrt(residual.square() + knee * knee)


def fit_intensities_and_gradients(
    start: Tensor,
    layers: Tensor,
    weights: Tensor,
    gradient: Sequence[Tensor],
    gradient_weights: Sequence[float],
    bounds: tuple[Tensor, Tensor],
    knees: tuple[float, float],
    iterations: int,
    sweeps: int,
) -> Tensor:
    """Minimise sum_k w_k |f - m_k|_1 + sum_d mu_d |D_d f - g_d|_1 over f, within bounds.

    Every iteration is one E-step (`expected_precision` of each residual) and an M-step: `sweeps` Jacobi sweeps on the
    normal equations (A + sum_d D_d' B_d D_d) f = sum_k a_k m_k + sum_d D_d' B_d g_d, each followed by the projection
    onto the bounds. The problem is convex and, its knees being positive, strictly so: the start changes the speed, not
    the minimiser.

    Args:
        start: first f ``[B, 1, *spatial]``.
        layers: intensities m_k ``[B, K, *spatial]``.
        weights: w_k of the same shape.
        gradient: wanted forward differences g_d, one ``[B, 1, *spatial]`` per spatial axis.
        gradient_weights: mu_d, one per spatial axis.
        bounds: smallest and largest allowed value ``[B, 1, *spatial]``.
        knees: residuals below which an L1 term counts as quadratic, for intensities and for gradients.
        iterations: EM iterations.
        sweeps: Jacobi sweeps in each M-step.

    Returns:
        f ``[B, 1, *spatial]``.
    """
    axes = list(spatial_axes(start))
    f = start.clamp(*bounds)
    for _ in range(iterations):
        a = weights * expected_precision(f - layers, knees[0])
        diagonal, target = a.sum(1, keepdim=True), (a * layers).sum(1, keepdim=True)
        precisions = []
        for axis, g, mu in zip(axes, gradient, gradient_weights, strict=True):
            b = mu * expected_precision(difference(f, axis) - g, knees[1])
            b.narrow(axis, -1, 1).zero_()  # there is no neighbour beyond the border
            _add_to_both_ends(diagonal, b, b, axis)
            _add_to_both_ends(target, -b * g, b * g, axis)
            precisions.append(b)
        inverse = diagonal.reciprocal()
        for _ in range(sweeps):
            total = target.clone()
            for axis, b in zip(axes, precisions, strict=True):
                _add_neighbours(total, b, f, axis)
            f = total.mul_(inverse).clamp_(*bounds)
    return f


def _add_to_both_ends(total: Tensor, near: Tensor, far: Tensor, axis: int) -> None:
    """Add what belongs to each edge i -> i + 1 to its near end i and its far end i + 1."""
    n = total.shape[axis] - 1
    total.narrow(axis, 0, n).add_(near.narrow(axis, 0, n))
    total.narrow(axis, 1, n).add_(far.narrow(axis, 0, n))


def _add_neighbours(total: Tensor, precision: Tensor, f: Tensor, axis: int) -> None:
    """Add each voxel's two neighbours along the axis, weighted by the precision of the edge between them."""
    n = total.shape[axis] - 1
    edge = precision.narrow(axis, 0, n)
    total.narrow(axis, 0, n).addcmul_(edge, f.narrow(axis, 1, n))
    total.narrow(axis, 1, n).addcmul_(edge, f.narrow(axis, 0, n))
