# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of noise: what it adds and how it judges; the whole of it takes minutes."""

from __future__ import annotations

import pytest
import torch
from cleaners import CLEANERS, NoisySource
from noise import psnr, spectrum_error
from scanner_noise import LOCAL, STATIONARY, add_noise, noise_power

from monai_ddfm.denoising.noise_model import NoiseModel, white_noise

SPACING = (3.0, 1.0, 1.0)


def disc(slices: int = 6, size: int = 48) -> torch.Tensor:
    rows, columns = (torch.linspace(-1, 1, size) for _ in range(2))
    inside = rows[:, None] ** 2 + columns[None] ** 2 < 0.7
    return torch.where(inside, 0.2 * columns[None], -1.0).expand(slices, size, size).clone()


@pytest.mark.parametrize("kind", STATIONARY)
def test_stationary_noise_has_its_spectrum(kind: str) -> None:
    power = noise_power(kind, 64, 48, 0.1)
    assert float(power.mean()) == pytest.approx(0.01, rel=1e-4)
    noise = add_noise(torch.zeros(200, 64, 48), kind, 0.1, SPACING, seed=0).noisy
    measured = torch.fft.fft2(noise).abs().square().mean(0) / power.numel()
    strong = power > power.max() / 10
    assert float((measured / power)[strong].mean()) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("kind", LOCAL)
def test_local_noise_has_its_level_and_its_seed(kind: str) -> None:
    clean = disc()
    noisy = add_noise(clean, kind, 0.1, SPACING, seed=3)
    inside = clean > -0.95
    assert float((noisy.noisy - clean)[inside].square().mean().sqrt()) == pytest.approx(0.1, rel=0.1)
    assert torch.equal(noisy.noisy, add_noise(clean, kind, 0.1, SPACING, seed=3).noisy)
    if noisy.local is not None:
        assert float(noisy.local[inside].square().mean().sqrt()) == pytest.approx(0.1, rel=1e-3)


def test_streaks_run_along_the_rays_that_lose_most() -> None:
    clean = torch.full((1, 64, 64), -1.0)
    clean[:, 28:36] = 0.0  # a wide, flat body
    noise = (add_noise(clean, "streaks", 0.1, SPACING, seed=0).noisy - clean)[0, 28:36]
    along, across = noise.diff(dim=1).square().mean(), noise.diff(dim=0).square().mean()
    assert across > 1.3 * along


def test_the_volumes_own_noise_is_taken_off() -> None:
    own, true = white_noise(0.1), noise_power("white", 96, 96, 0.2)
    level, error = spectrum_error(white_noise((0.01 + 0.04) ** 0.5), own, true)
    assert level == pytest.approx(1.0, rel=1e-3)
    assert error == pytest.approx(0.0, abs=0.01)
    assert spectrum_error(white_noise((0.01 + 0.08) ** 0.5), own, true)[1] == pytest.approx(3.01, abs=0.02)


def test_psnr_counts_the_foreground() -> None:
    clean = disc()
    assert psnr(torch.where(clean > -0.95, clean + 0.2, 5.0), clean) == pytest.approx(20.0, abs=1e-3)


def test_non_local_means_takes_noise_off_a_disc() -> None:
    clean = disc()
    noisy = add_noise(clean, "white", 0.1, SPACING, seed=0).noisy
    source = NoisySource(noisy, [2, 3], 0.1, None, NoiseModel((0.0,), (0.0,)), torch.eye(4))
    reference = clean[[2, 3]][:, None]
    gains = {
        name: psnr(CLEANERS[name](source), reference) - psnr(source.slices, reference)
        for name in ("noisy", "non-local means, true std")
    }
    assert gains["noisy"] == 0.0
    assert gains["non-local means, true std"] > 4.0
    assert CLEANERS["BM3D, true spectrum"](source) is None
