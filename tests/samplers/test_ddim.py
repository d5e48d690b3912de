# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""DDIM: the published trajectory, the marginals that it keeps, and its noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from monai_ddfm.inferers import LuminanceRange
from monai_ddfm.inferers.luminance import rectify_luminance
from monai_ddfm.priors import linear_alphas_cumprod
from monai_ddfm.rectifiers import ReferenceEMRectifier
from monai_ddfm.samplers import noise_level, sample_ddim, sample_ddpm, spaced_timesteps

ALPHAS = linear_alphas_cumprod()


def keep(x0: Tensor, t: int, state: None) -> tuple[Tensor, None]:
    """No sources: the proposal stays."""
    return x0, state


@pytest.mark.parametrize("steps", [10, 100])
def test_published_trajectory(data_dir: Path, steps: int) -> None:
    """Every stored x and x0 of the published loop, with the analytic network it was run with."""
    with np.load(data_dir / f"ddim_reference_{steps}.npz") as arrays:
        golden = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    sources = torch.cat([golden["I"], golden["V"]], dim=1)
    rectifier = ReferenceEMRectifier()
    compared = []

    def predict_x0(x: Tensor, t: int) -> Tensor:
        epsilon = 0.9 * x * (t / 1000) ** 0.5 + 0.05 * torch.sin(3 * x.flip(1))
        alpha = float(ALPHAS[t])
        return ((x - (1 - alpha) ** 0.5 * epsilon) / alpha**0.5).clamp(-1, 1)

    def compare(index: int, t: int, x: Tensor, x0: Tensor) -> None:
        for name, value in ((f"x_after_{index + 1}", x), (f"x0_after_{index + 1}", x0)):
            if name in golden:
                torch.testing.assert_close(value, golden[name], rtol=0, atol=1e-3, msg=name)
                compared.append(name)

    def rectify(x0: Tensor, t: int, state: object) -> tuple[Tensor, object]:
        return rectifier(x0, sources, state, noise_level(float(ALPHAS[t])))

    sample_ddim(
        golden["x_T"],
        spaced_timesteps(steps),
        ALPHAS,
        predict_x0,
        rectify_luminance(rectify, LuminanceRange.STUDIO),
        rectifier.start(sources),
        callback=compare,
    )
    assert sorted(compared) == sorted(name for name in golden if "after" in name)
    assert f"x_after_{steps}" in compared


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_known_x0_is_met_and_noise_level_kept(eta: float) -> None:
    """If x0 is known, x_t ~ N(√ᾱ_t x0, 1 - ᾱ_t) at every timestep, whatever eta; sampling ends at x0."""
    generator = torch.Generator().manual_seed(0)
    truth, timesteps = 0.6, [999, 700, 400, 150, 20]
    x_first = ALPHAS[999] ** 0.5 * truth + (1 - ALPHAS[999]) ** 0.5 * torch.randn(1, 1, 300, 300, generator=generator)

    def check(index: int, t: int, x: Tensor, x0: Tensor) -> None:
        if index + 1 < len(timesteps):
            alpha = float(ALPHAS[timesteps[index + 1]])
            assert x.mean().item() == pytest.approx(alpha**0.5 * truth, abs=0.02)
            assert x.var().item() == pytest.approx(1 - alpha, rel=0.02)

    def predict_x0(x: Tensor, t: int) -> Tensor:
        return torch.full_like(x, truth)

    def noise(t: int) -> Tensor:
        return torch.randn(1, 1, 300, 300, generator=generator)

    x, _ = sample_ddim(x_first, timesteps, ALPHAS, predict_x0, keep, None, eta=eta, noise=noise, callback=check)
    torch.testing.assert_close(x, torch.full_like(x, truth), rtol=0, atol=1e-6)


def test_eta_of_one_is_ancestral() -> None:
    """DDIM with eta 1 is DDPM's posterior (Song et al. 2021, section 4.1), also over a respaced list."""
    x = torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z = torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def predict_x0(x: Tensor, t: int) -> Tensor:
        return torch.tanh(x)

    arguments = (x, [900, 500, 250, 3], ALPHAS, predict_x0, keep, None)
    ddim, _ = sample_ddim(*arguments, eta=1.0, noise=lambda t: z * t / 500)
    ddpm, _ = sample_ddpm(*arguments, noise=lambda t: z * t / 500)
    torch.testing.assert_close(ddim, ddpm)
    without, _ = sample_ddim(*arguments, eta=0.0, noise=lambda t: z)
    assert (ddim - without).abs().max() > 1e-3


def test_eta_needs_noise() -> None:
    with pytest.raises(ValueError, match="eta above 0 adds noise at each step: give `noise`"):
        sample_ddim(torch.zeros(1, 1, 2, 2), [1, 0], ALPHAS, lambda x, t: x, keep, None, eta=0.1)
