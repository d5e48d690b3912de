# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The structure-aware rectifier: who has something to say is heard, voxel by voxel, in intensity and in gradient."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import torch
from torch import Tensor

from monai_ddfm.blocks import by_blocks
from monai_ddfm.denoising.noise_estimate import estimate_noise
from monai_ddfm.foreground import emptiness, has_foreground
from monai_ddfm.io.memory import return_freed_memory
from monai_ddfm.rectifiers.base import Rectifier
from monai_ddfm.rectifiers.grid import box_mean, local_range, over_sources, per_source
from monai_ddfm.rectifiers.mixture import expected_precision, fit_intensities_and_gradients
from monai_ddfm.rectifiers.salience import (
    contrast_gain,
    fine_detail,
    inject_base_layer,
    salience,
    salient_gradient,
    typical_detail,
)

__all__ = ["StructureRectifier", "StructureState"]

# Residuals below these, in [0, 1], count as met; sharper knees only slow the iteration down.
_KNEE_INTENSITY, _KNEE_GRADIENT = 0.01, 0.01
_DETAIL = 5  # voxels; structure up to this size is detail
_GRADIENT_WINDOW = 3  # voxels over which sources compare their gradients
_SETTLES = 8  # voxels, beyond its windows, over which the iteration carries less than 1e-4 of the range
_LAYER_WINDOW = 25  # voxels; a base layer is smoother than any detail
_COARSE = 2.0  # mm; of larger voxels windows have fewer, so that they see the same anatomy
_FEWEST = 3  # voxels of the finest axis that are left


class StructureState(NamedTuple):
    """What the sources say, once and for all timesteps; all in [-1, 1].

    Attributes:
        solution: what the sources alone ask for, ``[B, 1, *spatial]``.
        low: smallest value allowed, ``[B, 1, *spatial]``.
        high: largest value allowed.
        layers: each source with the others' base layers injected, ``[B, K, *spatial]``.
        weights: salience of each source, ``[B, K, *spatial]``.
        noise: noise level of each source, ``[B, K]``.
    """

    solution: Tensor
    low: Tensor
    high: Tensor
    layers: Tensor
    weights: Tensor
    noise: Tensor


class StructureRectifier(Rectifier[StructureState]):
    """Likelihood sum_k w_k |f - m_k|_1 + structure |grad f - g|_1 of K >= 2 sources, solved by EM.

    w_k is the salience of source k at the voxel, m_k the source with the others' base layers in it, g the gradient of
    the source that is salient and has gradients there; the derivation is in docs/structure_rectifier.md. The sources'
    answer d does not depend on the prior's proposal, as the likelihood is strictly convex, so it is computed once, in
    `start`. Each timestep weighs it against the proposal by their precisions, f = (P d + L x0) / (P + L), with
    P = 1 / sigma_n^2 from the sources' noise and L = prior_strength / sigma_t^2: clean sources decide alone, noisy ones
    leave the fine scales to the prior.

    Args:
        mix: what makes a source salient: 0 detail (edges, texture) alone, 1 brightness alone.
        fairness: by what measure detail is compared where intensities are chosen: 0 as it is, 1 by what each source has
            elsewhere, so that a smooth source is heard where it says much for it.
        edge_fairness: likewise where edges and texture are chosen; smaller, so that fine structure stays where a smooth
            source gives the brightness.
        sharpness: how hard the choice between sources is; 0 averages, large values take the most salient one.
        window: odd side length, in voxels of the finest axis, of the neighbourhood salience is measured in. Small:
            choices follow detail; large: choices are smooth.
        base_layer_gain: how much of the weaker sources' base layer (their smooth brightness) is injected where another
            one dominates: 0 none.
        structure: weight of the gradients against the intensities. Small: intensities are kept and edges soften; large:
            edges and texture are kept and brightness drifts.
        contrast: how far gradients rise with the injected brightness: 0 not at all, 1 so that they keep their
            contrast relative to the brightness around.
        iterations: EM iterations.
        sweeps: on the normal equations, in each iteration.
        envelope: keep each voxel within the range of all sources in its 3 x 3 (x 3) neighbourhood, so that nothing is
            invented.
        prior_strength: c, trust in the prior's proposal against noisy sources; 0 ignores the prior.
        noise: noise level of every source in [-1, 1] if it is known; else it is estimated for each.
        tolerated_noise: up to this noise level, in [-1, 1], sources count as clean and the prior is not needed.
        spatial_dims: 2 for slices on their own, 3 for volumes whose slices are coupled by gradients across them.
        spacing: voxel size in mm along each spatial axis (D, H, W for volumes); along coarser axes gradients weigh less
            and windows have fewer voxels, along all where the finest is above 2 mm. Default: what `for_spacing` says,
            else 1 mm along all.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        mix: float = 0.45,
        fairness: float = 0.7,
        edge_fairness: float = 0.5,
        sharpness: float = 8.0,
        window: int = 31,
        base_layer_gain: float = 0.08,
        structure: float = 2.0,
        contrast: float = 2.0,
        iterations: int = 5,
        sweeps: int = 3,
        envelope: bool = True,
        prior_strength: float = 1.0,
        noise: float | None = None,
        tolerated_noise: float = 0.065,
        spatial_dims: int = 2,
        spacing: Sequence[float] | None = None,
    ) -> None:
        if not 0 <= mix <= 1:
            raise ValueError(f"mix must be from 0 (structure) to 1 (brightness), got {mix}")
        if window < 1 or window % 2 == 0:
            raise ValueError(f"window must be odd and positive, got {window}")
        for name, value in (
            ("fairness", fairness),
            ("edge_fairness", edge_fairness),
            ("sharpness", sharpness),
            ("base_layer_gain", base_layer_gain),
            ("structure", structure),
            ("contrast", contrast),
            ("prior_strength", prior_strength),
            ("noise", noise or 0.0),
            ("tolerated_noise", tolerated_noise),
        ):
            if value < 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        if iterations < 0 or sweeps < 1:
            raise ValueError(f"iterations must be at least 0 and sweeps 1, got {iterations} and {sweeps}")
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims must be 2 (slices) or 3 (volumes), got {spatial_dims}")
        self.mix = mix
        self.fairness = fairness
        self.edge_fairness = edge_fairness
        self.sharpness = sharpness
        self.window = window
        self.base_layer_gain = base_layer_gain
        self.structure = structure
        self.contrast = contrast
        self.iterations = iterations
        self.sweeps = sweeps
        self.envelope = envelope
        self.prior_strength = prior_strength
        self.noise = noise
        self.tolerated_noise = tolerated_noise
        self.spatial_dims = spatial_dims
        self.spacing_given = spacing is not None
        self.volume_noise: Tensor | None = None
        self.volume_detail: Tensor | None = None
        self._set_spacing([1.0] * spatial_dims if spacing is None else spacing)

    def _set_spacing(self, spacing: Sequence[float]) -> None:
        """Note how fine each axis is, 1 for the finest, and how much smaller windows are for voxels above 2 mm."""
        if len(spacing) != self.spatial_dims or min(spacing) <= 0:
            raise ValueError(f"spacing must be {self.spatial_dims} positive numbers, got {list(spacing)}")
        self.fineness = [min(spacing) / size for size in spacing]
        self.window_scale = min(1.0, _COARSE / min(spacing))

    def for_spacing(self, spacing: Sequence[float]) -> StructureRectifier:
        """Return this rectifier for voxels of that size, unless it was made for a given one."""
        if self.spacing_given:
            return self
        fitted = copy(self)
        fitted._set_spacing(spacing)
        return fitted

    def for_volume(self, sources: Tensor) -> StructureRectifier:
        """Return this rectifier with the noise and the typical detail of a whole volume, for parts of it."""
        fitted = copy(self)
        fitted.volume_noise = estimate_noise(sources)
        noise, foreground = fitted._noise(sources), has_foreground(sources)
        window, detail = self._voxels(self.window), self._voxels(_DETAIL)
        typical = [  # memory: one source after the other
            typical_detail(fine_detail(_brightness(source), window, detail, of_it / 2), foreground)
            for source, of_it in zip(sources.split(1, dim=1), noise.split(1, dim=1), strict=True)
        ]
        fitted.volume_detail = torch.cat(typical, dim=1)
        return fitted

    def reach(self, axis: int = 0) -> int:
        """Return how far windows look, and further to where the iteration's influence has died away."""
        of_salience = sum(self._voxels(size)[axis] // 2 for size in (self.window, _DETAIL, _GRADIENT_WINDOW))
        of_layers = 2 * (self._voxels(_LAYER_WINDOW)[axis] // 2)
        return max(of_salience, of_layers) + _SETTLES

    @property
    def decides_alone(self) -> bool:
        """Whether every source is known to be clean, see `for_volume`, or the prior has no say."""
        if self.prior_strength == 0:
            return True
        if self.noise is not None:
            return self.noise <= self.tolerated_noise
        return self.volume_noise is not None and bool((self.volume_noise <= self.tolerated_noise).all())

    def start(self, sources: Tensor) -> StructureState:
        """Solve for what the sources alone ask for, and measure their noise.

        Raises:
            ValueError: fewer than two sources, or another number of spatial axes than `spatial_dims`.
        """
        if sources.ndim != self.spatial_dims + 2 or sources.shape[1] < 2:
            axes = "H, W" if self.spatial_dims == 2 else "D, H, W"
            raise ValueError(f"sources must be [B, K, {axes}] with K of 2 or more, got {tuple(sources.shape)}")
        noise = self._noise(sources)
        window, detail, smooth = (self._voxels(size) for size in (self.window, _DETAIL, _LAYER_WINDOW))
        bright = _brightness(sources)
        fine = fine_detail(bright, window, detail, noise / 2)
        typical = typical_detail(fine, has_foreground(sources)) if self.volume_detail is None else self.volume_detail
        fairness = (self.fairness, self.edge_fairness)
        weights, edge_weights = salience(bright, fine, typical, window, self.mix, self.sharpness, fairness)
        del fine  # memory: each of these is as large as the sources
        return_freed_memory()  # of other sizes than what follows asks for
        darkest, brightest = (bound.add_(1).mul_(0.5) for bound in self._bounds(sources))
        base = box_mean(bright, smooth)
        layers = inject_base_layer(bright, base, self.base_layer_gain, smooth, brightest)
        gain = contrast_gain(base, layers, self.contrast, smooth)
        del bright, base
        return_freed_memory()
        gradient = salient_gradient(layers, edge_weights, gain, self._voxels(_GRADIENT_WINDOW), noise / 2)
        del edge_weights, gain
        return_freed_memory()
        solution = fit_intensities_and_gradients(
            start=by_blocks(lambda w, m: over_sources(w * m), weights, layers)[0],
            layers=layers,
            weights=weights,
            gradient=gradient,
            gradient_weights=[self.structure * fineness for fineness in self.fineness],
            bounds=(darkest, brightest),
            knees=(_KNEE_INTENSITY, _KNEE_GRADIENT),
            iterations=self.iterations,
            sweeps=self.sweeps,
        )
        del gradient, darkest, brightest
        low, high = self._bounds(sources)  # again, as halving and doubling rounds
        solution, layers = (values.mul_(2).sub_(1) for values in (solution, layers))
        by_blocks(_within, solution, sources, low, high, out=[solution])
        return StructureState(solution, low, high, layers, weights, noise)

    def _bounds(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        """Smallest and largest value allowed, ``[B, 1, *spatial]``."""
        if self.envelope:
            return local_range(sources)
        shape = [len(sources), 1, *sources.shape[2:]]
        return sources.new_full(shape, -1.0), sources.new_full(shape, 1.0)

    def __call__(
        self, x0: Tensor, sources: Tensor, state: StructureState, sigma: float
    ) -> tuple[Tensor, StructureState]:
        """Weigh the sources' answer against the proposal, see `Rectifier.__call__`; the state does not change."""
        return self._weigh(x0, sources, state, sigma), state

    def _weigh(self, x0: Tensor, sources: Tensor, state: StructureState, sigma: float) -> Tensor:
        variance = per_source(state.noise.square(), sources)

        def weigh(x0: Tensor, sources: Tensor, solution: Tensor, *rest: Tensor) -> Tensor:
            low, high, layers, weights, variance = rest
            noise = over_sources(_shares(solution, layers, weights).mul_(variance))
            trust = noise.mul_(self.prior_strength)  # L / (P + L) = c sigma_n^2 / (c sigma_n^2 + sigma_t^2)
            trust = trust / (trust + sigma**2).clamp_min_(torch.finfo(x0.dtype).tiny)
            return _within(trust.mul_(x0 - solution).add_(solution), sources, low, high)

        return by_blocks(weigh, x0, sources, *state[:-1], variance.expand(-1, -1, *x0.shape[2:]))[0]

    def needs_prior(self, state: StructureState) -> bool:
        """Return whether any source is noisy enough for the prior to have a say."""
        return self.prior_strength > 0 and bool((state.noise > 0).any())

    def solve(self, sources: Tensor, state: StructureState) -> Tensor:
        """Return what the sources alone ask for, ``[B, 1, *spatial]``."""
        return state.solution

    def provenance(self, fused: Tensor, sources: Tensor, state: StructureState) -> Tensor:
        """Share of each source by the E-step's precisions w_k / |f - m_k|, ``[B, K, *spatial]``."""
        return by_blocks(_shares, fused, state.layers, state.weights)[0]

    def _noise(self, sources: Tensor) -> Tensor:
        """Noise level of each source beyond what is tolerated, ``[B, K]``."""
        if self.noise is not None:
            level = sources.new_full(sources.shape[:2], self.noise)
        else:
            level = estimate_noise(sources) if self.volume_noise is None else self.volume_noise.to(sources)
        return (level.square() - self.tolerated_noise**2).clamp_min(0).sqrt()

    def _voxels(self, window: int) -> list[int]:
        """Odd side lengths of a window along each axis, about equally long in space."""
        size = max(window * self.window_scale, min(window, _FEWEST))
        return [max(0, round((size * fineness - 1) / 2)) * 2 + 1 for fineness in self.fineness]


def _brightness(sources: Tensor) -> Tensor:
    """Sources in [0, 1], contiguous whatever they were cut from."""
    return torch.add(sources, 1, out=torch.empty(sources.shape, dtype=sources.dtype, device=sources.device)).mul_(0.5)


def _shares(fused: Tensor, layers: Tensor, weights: Tensor) -> Tensor:
    precision = expected_precision(fused - layers, 2 * _KNEE_INTENSITY).mul_(weights)
    return precision.div_(over_sources(precision))


def _within(f: Tensor, sources: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Keep f within its bounds, and background background."""
    ceiling = emptiness(sources).mul_(-4).add_(3)  # -1 where there is nothing, above all values elsewhere
    return torch.minimum(f.clamp(low, high), ceiling)
