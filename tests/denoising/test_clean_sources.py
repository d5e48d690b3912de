# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Cleaning of sources by prior and likelihood."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.denoising.clean_sources import NoisySource, ask_prior, clean_sources, denoising_timesteps
from monai_ddfm.denoising.half_quadratic import Schedule
from monai_ddfm.denoising.noise_likelihood import NoiseLikelihood
from monai_ddfm.denoising.noise_model import NoiseModel, white_noise
from monai_ddfm.priors import DiffusionPrior, linear_alphas_cumprod

SMOOTH = NoiseModel((0.0, 0.05, 0.1, 0.8), (10.0, 8.0, 0.1, 1e-3))


class NormalPrior(DiffusionPrior):
    """The exact prior of images whose voxels are independent normal values N(mean, spread²)."""

    def __init__(self, mean: float = 0.2, spread: float = 0.05, channels: int = 1) -> None:
        super().__init__(channels, spatial_multiple=8)
        self.mean, self.spread = mean, spread
        self.evaluations = 0

    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        self.evaluations += len(x_t)
        alpha = self.alphas_cumprod[torch.as_tensor(t)].view(-1, 1, 1, 1).to(x_t.dtype)
        weight = self.spread**2 / (self.spread**2 + (1 - alpha) / alpha)
        return (self.mean + weight * (x_t / alpha.sqrt() - self.mean)).clamp(-1, 1)


def _noise(shape: tuple[int, ...], model: NoiseModel, seed: int = 0) -> Tensor:
    white = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return torch.fft.ifft2(torch.fft.fft2(white) * model.spectrum(shape[-2:]).sqrt()).real


def _cleaned(sources: list[NoisySource], prior: DiffusionPrior, **how: object) -> list[Tensor]:
    return clean_sources(sources, lambda images, sigma: ask_prior(prior, images, sigma), **how)  # type: ignore[arg-type]


def test_the_likelihood_step_is_the_minimiser_of_its_objective() -> None:
    noisy, x = torch.randn(2, 1, 1, 40, 40, generator=torch.Generator().manual_seed(0)).double().unbind(0)
    likelihood = NoiseLikelihood(noisy, lambda shape: torch.full(tuple(shape), 0.3))
    torch.testing.assert_close(likelihood.closest(x, 2.0), (noisy / 0.3 + 2.0 * x) / (1 / 0.3 + 2.0), atol=1e-6, rtol=0)


def test_where_noise_is_stronger_the_proposal_is_trusted_more() -> None:
    noisy, x = torch.ones(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    local = torch.ones(1, 1, 32, 32)
    local[..., 16:] = 2**0.5
    z = NoiseLikelihood(noisy, lambda shape: torch.full(tuple(shape), 0.5), local).closest(x, 2.0)
    assert float(z[0, 0, 8, 4]) == pytest.approx(1 / (1 + 2.0 * 0.5), abs=0.1)
    assert float(z[0, 0, 8, 28]) == pytest.approx(1 / (1 + 2.0 * 1.0), abs=0.1)


@pytest.mark.parametrize("model", [white_noise(0.2), SMOOTH], ids=["white", "smooth"])
def test_most_of_the_noise_goes(model: NoiseModel) -> None:
    clean = torch.full((1, 1, 64, 64), 0.2)
    noisy = clean + _noise((1, 1, 64, 64), model)
    (cleaned,) = _cleaned([NoisySource(noisy, model)], NormalPrior())
    assert (cleaned - clean).square().mean() < 0.25 * (noisy - clean).square().mean()


def test_clean_sources_come_back_as_they_are_without_asking_the_prior() -> None:
    prior = NormalPrior()
    slices = torch.rand(2, 1, 16, 16)
    assert _cleaned([NoisySource(slices, white_noise(0.029))], prior)[0] is slices
    assert prior.evaluations == 0


def test_between_the_thresholds_both_are_mixed() -> None:
    slices = torch.rand(1, 1, 24, 24)
    full, half = (
        _cleaned([NoisySource(slices, white_noise(0.2), threshold=edges)], NormalPrior())[0]
        for edges in ((0.0, 0.2), (0.1, 0.3))
    )
    torch.testing.assert_close(half, 0.5 * (slices + full))


def test_sources_share_batches_and_each_is_cleaned_as_if_alone() -> None:
    slices = torch.rand(3, 2, 1, 24, 24, generator=torch.Generator().manual_seed(1)) - 0.5
    models = [white_noise(0.2), SMOOTH, white_noise(0.0)]
    sources = [NoisySource(one, model) for one, model in zip(slices, models, strict=True)]
    prior = NormalPrior()
    together = _cleaned(sources, prior)
    assert prior.evaluations == 2 * 3 + 2 * 4
    for source, clean in zip(sources, together, strict=True):
        torch.testing.assert_close(clean, _cleaned([source], NormalPrior())[0])


def test_draws_scatter_and_are_repeatable() -> None:
    noisy = 0.2 + _noise((1, 1, 48, 48), SMOOTH)

    def drawn(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return _cleaned(
            [NoisySource(noisy, SMOOTH)],
            NormalPrior(spread=0.3),
            draw=lambda index, step, shape: torch.randn((1, 1, *shape), generator=generator),
        )[0]

    assert torch.equal(drawn(0), drawn(0))
    assert 0.005 < (drawn(0) - drawn(1)).std() < 1.5 * SMOOTH.std


def test_the_schedule_falls_from_the_strongest_frequency_to_below_the_deviation() -> None:
    power = SMOOTH.spectrum((64, 64))
    schedule = Schedule.of(power, at_most=4)
    assert len(schedule.sigmas) == 4 and len(Schedule.of(torch.ones(8, 8), 4).sigmas) == 3
    assert schedule.sigmas[0] == pytest.approx(float(power.max()) ** 0.5)
    assert schedule.sigmas[-1] == pytest.approx(0.6 * float(power.mean()) ** 0.5)
    assert Schedule.of(torch.ones(8, 8), 1).evenness == 1.0


def test_noise_that_was_cut_off_leaves_background_empty() -> None:
    clean = torch.full((1, 1, 64, 64), -1.0)
    clean[..., :24, :24] = 0.2
    noisy = (clean + _noise(tuple(clean.shape), white_noise(0.2))).clamp(-1, 1)
    (cleaned,) = _cleaned([NoisySource(noisy, white_noise(0.2))], NormalPrior(mean=-1.0, spread=0.1))
    assert (cleaned[..., 40:, 40:] == -1.0).float().mean() > 0.9


def test_timesteps_match_the_noise() -> None:
    schedule = linear_alphas_cumprod()
    for t in (0, 10, 150, 999):
        sigma = float(((1 - schedule[t]) / schedule[t]).sqrt())
        assert denoising_timesteps(torch.tensor([sigma], dtype=torch.float64), schedule).tolist() == [t]
