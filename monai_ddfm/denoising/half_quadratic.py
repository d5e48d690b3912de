# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Half-quadratic splitting between a prior and the likelihood of noisy sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from monai_ddfm.blocks import on_one_thread
from monai_ddfm.denoising.noise_likelihood import NoiseLikelihood

__all__ = ["Draw", "Predict", "Schedule", "half_quadratic_splitting"]

_MOST_EVEN = 4.0  # √(max N) over the standard deviation: from here on noise is so smooth that it takes a step more
_STEPS, _SMOOTH_STEPS = 3, 4
_LAST_SIGMA = 0.6  # of the noise's standard deviation
_PRECISION, _LAST_PRECISION = 0.6, 1.8  # times 1/σ²: how the prior's estimate is trusted
_AVERAGED = 0.5  # share of the mean of all estimates in the answer, where noise is white
# Of draws; chosen in benchmarks/calibration.py: at what standard deviation, with what powers of smoothness and level
_SCATTER, _SCATTER_STD, _BY_SMOOTHNESS, _BY_LEVEL = 0.8, 0.1, 0.25, -0.3
_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))

Predict = Callable[[Tensor, Tensor], Tensor]
"""``(slices z [n, 1, H, W], σ of each [n]) -> x0``: the prior."""
Draw = Callable[[int, int, tuple[int, int]], Tensor]
"""``(number of the image, step, (H, W)) -> standard normal noise [n, 1, H, W]``."""


@dataclass(frozen=True)
class Schedule:
    """Noise levels that the prior is asked at, falling geometrically, and how its estimates are trusted.

    Attributes:
        sigmas: one for each evaluation.
        evenness: 1 for white noise, less the more its power is gathered at few frequencies: variance / max N.
        std: of the noise.
    """

    sigmas: tuple[float, ...]
    evenness: float
    std: float

    @classmethod
    def of(cls, power: Tensor, at_most: int) -> Schedule:
        """Return the schedule for a power spectrum: from √(max N) to 0.6 of the standard deviation.

        Args:
            power: N ``[H, W]``.
            at_most: evaluations.
        """
        first, std = float(power.max()) ** 0.5, float(on_one_thread(power.mean, power.device)) ** 0.5
        steps = min(at_most, _STEPS if first < _MOST_EVEN * std else _SMOOTH_STEPS)
        ratio = _LAST_SIGMA * std / first
        sigmas = tuple(first * ratio ** (step / max(steps - 1, 1)) for step in range(steps))
        return cls(sigmas, (std / first) ** 2, std)

    def precision(self, step: int) -> float:
        """μ of a step."""
        factor = _PRECISION if step < len(self.sigmas) - 1 else _LAST_PRECISION
        return factor / self.sigmas[step] ** 2

    @property
    def scatter(self) -> float:
        """What the noise of draws is multiplied by, so that they scatter as cleaning errs.

        In a few steps a draw keeps more of white noise than the posterior has, the more so the louder it is, as the
        prior then knows better; of smooth noise it reaches less.
        """
        smoothness = self.evenness**-0.5
        return _SCATTER * smoothness**_BY_SMOOTHNESS * (self.std / _SCATTER_STD) ** _BY_LEVEL


def half_quadratic_splitting(
    likelihoods: Sequence[NoiseLikelihood],
    schedules: Sequence[Schedule],
    predict: Predict,
    planes: Sequence[int],
    draw: Draw | None = None,
) -> list[Tensor]:
    """Minimise |F(y - x)|²/N + prior(x) for several images at once, or draw from exp of minus half of that.

    From z = y on, at each step the prior estimates the clean image, x = x0(z, σ), and the likelihood pulls it back,
    z = argmin |F(y - z)|²/N + μ |z - x|². The answer is the last z, with some of the mean of all x: each of them is an
    estimate of its own, and all the better the whiter the noise.

    The prior sees a flipped image at every other step, and where slices make a volume another plane of it: what it gets
    wrong differs, and the next step takes it off.

    With `draw`, what each likelihood step leaves open is drawn, z + s (1/N + 1/σ²)^(-1/2) noise, all but after the
    last: a split Gibbs sampler (Vono et al. 2019), scaled by s to so few steps (`Schedule.scatter`), whose answers
    scatter as what the source could have shown. The mean of many is no better an estimate than the minimiser, a single
    one is worse.

    Args:
        likelihoods: of each image, slices of one shape ``[n, 1, H, W]``.
        schedules: of each.
        predict: the prior.
        planes: axes that slices are cut along, in turn: 0 for the slices as they are, 2 and 3 for those across them.
        draw: makes the noise of a draw; None: the minimiser.

    Returns:
        one cleaned image for each.
    """
    current = [likelihood.noisy for likelihood in likelihoods]
    totals = [torch.zeros_like(image) for image in current]
    for step in range(max(len(schedule.sigmas) for schedule in schedules)):
        active = [index for index, schedule in enumerate(schedules) if step < len(schedule.sigmas)]
        views = [_view(current[i], planes[step % len(planes)], step) for i in active]
        sigma = torch.cat(
            [view.new_full((len(view),), schedules[i].sigmas[step]) for i, view in zip(active, views, strict=True)]
        )
        estimates = predict(torch.cat(views), sigma).split([len(view) for view in views])
        for i, estimate in zip(active, estimates, strict=True):
            x = _view_back(estimate, planes[step % len(planes)], step)
            totals[i] += x
            current[i] = likelihoods[i].closest(x, schedules[i].precision(step))
            if draw is not None and step < len(schedules[i].sigmas) - 1:
                white = schedules[i].scatter * draw(i, step, likelihoods[i].shape)
                current[i] += likelihoods[i].spread(white, schedules[i].sigmas[step] ** -2)
    if draw is not None:
        return current
    means = (total / len(schedule.sigmas) for total, schedule in zip(totals, schedules, strict=True))
    return [
        torch.lerp(z, mean, _AVERAGED * schedule.evenness)
        for z, mean, schedule in zip(current, means, schedules, strict=True)
    ]


def _view(image: Tensor, plane: int, step: int) -> Tensor:
    """Slices ``[n, 1, H, W]`` as the prior is to see them at a step: cut along an axis, and flipped."""
    return image.transpose(0, plane).flip(_FLIPS[step % len(_FLIPS)])


def _view_back(image: Tensor, plane: int, step: int) -> Tensor:
    """Undo `_view`."""
    return image.flip(_FLIPS[step % len(_FLIPS)]).transpose(0, plane)
