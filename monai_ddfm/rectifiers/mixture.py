# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Expectation-maximisation for L1 terms on intensities and gradients, as Gaussian scale mixtures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from monai_ddfm.blocks import for_each, spans

__all__ = ["expected_precision", "fit_intensities_and_gradients"]

_RELAXATION = 1.7  # of the second-order sweeps; 1 is Jacobi's, 2 would no longer settle


def expected_precision(residual: Tensor, knee: float) -> Tensor:
    """E-step of a Laplace term seen as a Gaussian scale mixture: E[1/variance] = 1/sqrt(x^2 + knee^2)."""
    return (residual * residual).add_(knee * knee).rsqrt_()


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

    Every iteration is one E-step (`expected_precision` of each residual) and an M-step: `sweeps` sweeps on the normal
    equations (A + sum_d D_d' B_d D_d) f = sum_k a_k m_k + sum_d D_d' B_d g_d, each followed by the projection onto the
    bounds. A sweep is a Jacobi step J carried on in the direction of the one before it, f_next = f_before +
    omega (J f - f_before): the second-order iteration of Golub and Varga (Numerische Mathematik 3, 1961), which comes
    as near in a third of the work. The problem is convex and, its knees being positive, strictly so: the start changes
    the speed, not the minimiser.

    Args:
        start: first f ``[B, 1, *spatial]``; overwritten.
        layers: intensities m_k ``[B, K, *spatial]``.
        weights: w_k of the same shape.
        gradient: wanted forward differences g_d, one ``[B, 1, *spatial]`` per spatial axis.
        gradient_weights: mu_d, one per spatial axis.
        bounds: smallest and largest allowed value ``[B, 1, *spatial]``.
        knees: residuals below which an L1 term counts as quadratic, for intensities and for gradients.
        iterations: EM iterations.
        sweeps: in each M-step.

    Returns:
        f ``[B, 1, *spatial]``.
    """
    lattice = _Lattice(start.shape)
    sources = [(lattice.flat(layers[:, k]), lattice.flat(weights[:, k])) for k in range(layers.shape[1])]
    edges = [
        _Edges(step, lattice.flat(g), lattice.flat(torch.empty_like(g)), mu)
        for step, g, mu in zip(lattice.steps, gradient, gradient_weights, strict=True)
    ]
    low, high = (lattice.flat(bound) for bound in bounds)
    f = lattice.flat(start)
    torch.clamp(f, low, high, out=f)
    before, target, inverse = f.clone(), torch.empty_like(f), torch.empty_like(f)
    blocks = lattice.blocks(f.device)
    relaxation = 1.0  # of the first sweep, which has none before it
    for _ in range(iterations):
        for_each(blocks, partial(_expect, f, sources, edges, lattice, knees, target, inverse), f.device)
        for _ in range(sweeps):
            for_each(blocks, partial(_sweep, f, edges, target, inverse, low, high, before, relaxation), f.device)
            f, before, relaxation = before, f, _RELAXATION
    return f.view(start.shape)


class _Edges(NamedTuple):
    """The edges along one axis: from each voxel to the one `step` further on in memory.

    Attributes:
        step: voxels in memory between neighbours.
        wanted: g_d, flat.
        precision: B_d of the last E-step, flat; 0 where there is no neighbour, so that whatever lies there in memory
            has no part in any sum.
        weight: mu_d.
    """

    step: int
    wanted: Tensor
    precision: Tensor
    weight: float


class _Lattice:
    """Voxels of images ``[B, 1, *spatial]`` as one run of memory, in which neighbours are fixed steps apart."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = list(shape)
        self.steps = [math.prod(self.shape[axis + 1 :]) for axis in range(2, len(shape))]
        self.slice = self.shape[-1] * self.shape[-2]

    def flat(self, x: Tensor) -> Tensor:
        """A view where `x` is contiguous."""
        return x.reshape(-1)

    def blocks(self, device: torch.device) -> list[tuple[int, int]]:
        """Runs of whole slices."""
        count = math.prod(self.shape) // max(self.slice, 1)
        return [(first * self.slice, end * self.slice) for first, end in spans(count, self.slice, device)]

    def cut_off(self, precision: Tensor, first: int, step: int) -> None:
        """Set to 0 the edges, of slices from voxel `first` on, that lead out of the image along the axis of that step.

        Args:
            precision: of the edges of these slices.
            first: the first slice's first voxel.
            step: the axis's.
        """
        height, width = self.shape[-2:]
        slices = precision.view(-1, height, width)
        if step == 1:
            slices[:, :, -1] = 0
        elif step == width:
            slices[:, -1] = 0
        else:
            depth = self.shape[2]
            slices[-(first // self.slice + 1) % depth :: depth] = 0


def _expect(
    f: Tensor,
    sources: Sequence[tuple[Tensor, Tensor]],
    edges: Sequence[_Edges],
    lattice: _Lattice,
    knees: tuple[float, float],
    target: Tensor,
    inverse: Tensor,
    block: tuple[int, int],
    opens: bool,
) -> None:
    """E-step of a block, and the normal equations it makes: precisions, target, inverse of the diagonal.

    Blocks come in order: the edges that reach into a block from before it are known, unless it opens a run of blocks.
    """
    first, end = block
    here, wanted, diagonal = f[first:end], target[first:end], inverse[first:end]
    for index, (layer, weight) in enumerate(sources):
        precision = expected_precision(here - layer[first:end], knees[0])
        if index == 0:
            torch.mul(precision, weight[first:end], out=diagonal)
            torch.mul(diagonal, layer[first:end], out=wanted)
        else:
            diagonal.add_(precision.mul_(weight[first:end]))
            wanted.addcmul_(precision, layer[first:end])
    for edge in edges:
        step, precision = edge.step, edge.precision[first:end]
        _expect_edges(f, edge, lattice, knees[1], first, precision)
        diagonal.add_(precision)
        wanted.addcmul_(precision, edge.wanted[first:end], value=-1)
        start = max(first, step)
        if opens and first > 0:  # the slice before is another thread's, and its edges may not be known yet
            start, slice_before = first + step, first - lattice.slice
            reaching = torch.empty_like(f[slice_before:first])
            _expect_edges(f, edge, lattice, knees[1], slice_before, reaching)
            diagonal[:step].add_(reaching[-step:])
            wanted[:step].addcmul_(reaching[-step:], edge.wanted[first - step : first])
        before = slice(start - step, end - step)
        diagonal[start - first :].add_(edge.precision[before])
        wanted[start - first :].addcmul_(edge.precision[before], edge.wanted[before])
    diagonal.reciprocal_()


def _expect_edges(f: Tensor, edge: _Edges, lattice: _Lattice, knee: float, first: int, out: Tensor) -> None:
    """E-step of the edges from voxel `first` on, of whole slices: their precisions, to `out`."""
    step = edge.step
    last = min(first + len(out), len(f) - step)
    residual = (f[first + step : last + step] - f[first:last]).sub_(edge.wanted[first:last])
    torch.mul(expected_precision(residual, knee), edge.weight, out=out[: last - first])
    lattice.cut_off(out, first, step)


def _sweep(
    f: Tensor,
    edges: Sequence[_Edges],
    target: Tensor,
    inverse: Tensor,
    low: Tensor,
    high: Tensor,
    before: Tensor,
    relaxation: float,
    block: tuple[int, int],
    opens: bool,
) -> None:
    """One sweep over a block: each voxel from its neighbours in `f`; `before`, the last sweep, becomes the next."""
    first, end = block
    total, answer = target[first:end].clone(), before[first:end]
    for step, _, precision, _ in edges:
        last, start = min(end, len(f) - step), max(first, step)
        total[: last - first].addcmul_(precision[first:last], f[first + step : last + step])
        total[start - first :].addcmul_(precision[start - step : end - step], f[start - step : end - step])
    torch.lerp(answer, total.mul_(inverse[first:end]), relaxation, out=answer)
    torch.clamp(answer, low[first:end], high[first:end], out=answer)
