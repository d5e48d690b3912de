# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Denoising of sources by the prior."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.denoising.denoise_sources import denoise_sources, denoising_timesteps
from monai_ddfm.priors import DiffusionPrior, linear_alphas_cumprod


class NormalPrior(DiffusionPrior):
    """The exact prior of images whose voxels are independent normal values N(mean, spread²)."""

    def __init__(self, mean: float = 0.2, spread: float = 0.05, channels: int = 1) -> None:
        super().__init__(channels, spatial_multiple=8)
        self.mean, self.spread = mean, spread
        self.evaluations = 0

    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        assert x_t.shape[-1] % 8 == 0 and x_t.shape[1] == self.channels
        self.evaluations += len(x_t)
        alpha = self.alphas_cumprod[torch.as_tensor(t)].view(-1, 1, 1, 1).to(x_t.dtype)
        observed, variance = x_t / alpha.sqrt(), (1 - alpha) / alpha
        weight = self.spread**2 / (self.spread**2 + variance)
        return (self.mean + weight * (observed - self.mean)).clamp(-1, 1)


def test_is_the_conditional_mean_of_the_clean_image() -> None:
    generator = torch.Generator().manual_seed(0)
    clean = 0.2 + 0.05 * torch.randn(1, 2, 30, 44, generator=generator)
    noisy = clean + 0.2 * torch.randn(clean.shape, generator=generator)
    cleaned = denoise_sources(noisy, torch.full((1, 2), 0.2), NormalPrior())
    wiener = 0.2 + 0.05**2 / (0.05**2 + 0.2**2) * (noisy - 0.2)
    assert cleaned.shape == noisy.shape
    assert (cleaned - wiener).abs().max() < 2e-3  # the timestep's noise level is not exactly 0.2
    assert (cleaned - clean).square().mean() < 0.1 * (noisy - clean).square().mean()


def test_clean_sources_come_back_as_they_are_without_asking_the_prior() -> None:
    prior = NormalPrior()
    sources = torch.rand(2, 3, 16, 16)
    assert denoise_sources(sources, torch.full((2, 3), 0.05), prior) is sources
    assert prior.evaluations == 0


def test_only_the_noisy_ones_are_touched_and_each_alone() -> None:
    prior = NormalPrior()
    sources = torch.randn(2, 2, 16, 16, generator=torch.Generator().manual_seed(1))
    sigma = torch.tensor([[0.0, 0.3], [0.1, 0.05]])
    together = denoise_sources(sources, sigma, prior)
    assert prior.evaluations == 2
    assert torch.equal(together[0, 0], sources[0, 0]) and torch.equal(together[1, 1], sources[1, 1])
    alone = torch.cat([denoise_sources(sources[i : i + 1], sigma[i : i + 1], prior) for i in range(2)])
    torch.testing.assert_close(together, alone)


def test_between_the_thresholds_both_are_mixed() -> None:
    sources = torch.rand(1, 1, 8, 8)
    full = denoise_sources(sources, torch.tensor([[0.2]]), NormalPrior(), threshold=(0.0, 0.2))
    half = denoise_sources(sources, torch.tensor([[0.2]]), NormalPrior(), threshold=(0.1, 0.3))
    torch.testing.assert_close(half, 0.5 * (sources + full))


@pytest.mark.parametrize("clip", [False, True])
def test_background_is_empty_again(clip: bool) -> None:
    clean = torch.full((1, 1, 64, 64), -1.0)
    clean[..., :24, :24] = 0.3
    noisy = clean + 0.2 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    noisy = noisy.clamp(-1, 1) if clip else noisy

    class Smooth(NormalPrior):
        def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
            alpha = self.alphas_cumprod[torch.as_tensor(t)].view(-1, 1, 1, 1).to(x_t.dtype)
            return F.avg_pool2d(x_t / alpha.sqrt(), 9, 1, 4, count_include_pad=False).clamp(-1, 1)

    cleaned = denoise_sources(noisy, torch.tensor([[0.2]]), Smooth())
    assert (cleaned[..., 32:, 32:] == -1.0).float().mean() > 0.9
    assert (cleaned[..., 4:20, 4:20] - 0.3).abs().max() < 0.15


def test_an_rgb_prior_answers_grey() -> None:
    sources = torch.rand(1, 2, 16, 16)
    sigma = torch.full((1, 2), 0.2)
    torch.testing.assert_close(
        denoise_sources(sources, sigma, NormalPrior(channels=3)), denoise_sources(sources, sigma, NormalPrior())
    )


def test_timesteps_match_the_noise() -> None:
    schedule = linear_alphas_cumprod()
    for t in (0, 10, 150, 999):
        sigma = float(((1 - schedule[t]) / schedule[t]).sqrt())
        assert denoising_timesteps(torch.tensor([sigma], dtype=torch.float64), schedule).tolist() == [t]


@pytest.mark.parametrize(
    ("sigma", "threshold", "words"),
    [(torch.zeros(2), (0.1, 0.2), "one number for each source"), (torch.zeros(1, 2), (0.2, 0.1), "rising")],
)
def test_wrong_input(sigma: Tensor, threshold: tuple[float, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        denoise_sources(torch.zeros(1, 2, 8, 8), sigma, NormalPrior(), threshold=threshold)
