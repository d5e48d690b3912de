# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What every kind of prior promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from monai_ddfm.priors import DiffusionPrior, IdentityPrior, TorchScriptPrior, UNetPrior, open_prior
from tests.tiny_unet import tiny_unet, write_tiny_prior

Make = Callable[[Path], DiffusionPrior]


def unet(folder: Path) -> DiffusionPrior:
    return UNetPrior(tiny_unet())


def opened(folder: Path) -> DiffusionPrior:
    return open_prior(write_tiny_prior(folder / "tiny.safetensors"))


def torchscript(folder: Path) -> DiffusionPrior:
    network = torch.jit.trace(Scaled(), (torch.zeros(1, 1, 8, 8), torch.zeros(1)))
    torch.jit.save(network, folder / "net.ts")
    return TorchScriptPrior(folder / "net.ts", trusted=True)


def identity(folder: Path) -> DiffusionPrior:
    return IdentityPrior()


class Scaled(torch.nn.Module):
    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return 0.5 * x + timesteps.to(x.dtype).view(-1, 1, 1, 1) * 1e-3


@pytest.fixture(params=[unet, opened, torchscript, identity], ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def prior(make: Make, tmp_path: Path) -> DiffusionPrior:
    return make(tmp_path).eval()


def noisy(prior: DiffusionPrior, batch: int = 2) -> torch.Tensor:
    side = 4 * prior.spatial_multiple
    return torch.randn(batch, prior.channels, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("t", [0, 500, 999])
def test_proposal(prior: DiffusionPrior, t: int) -> None:
    x = noisy(prior)
    before = x.clone()
    proposal = prior.predict_x0(x, t)
    assert proposal.shape == x.shape
    assert proposal.dtype == x.dtype
    assert proposal.abs().max() <= 1
    assert torch.equal(x, before)


def test_one_timestep_for_each_image(prior: DiffusionPrior) -> None:
    x = noisy(prior)
    together = prior.predict_x0(x, torch.tensor([100, 700]))
    for index, t in enumerate((100, 700)):
        torch.testing.assert_close(together[index : index + 1], prior.predict_x0(x[index : index + 1], t))


def test_schedule_falls_from_one(prior: DiffusionPrior) -> None:
    alphas = prior.alphas_cumprod
    assert alphas.dtype == torch.float64
    assert (alphas.diff() < 0).all() and 0 < alphas[-1] and alphas[0] < 1


def test_fingerprint_is_its_own_and_repeats(make: Make, prior: DiffusionPrior, tmp_path: Path) -> None:
    assert prior.fingerprint() == make(tmp_path).eval().fingerprint()
    other = [name for name in (unet, torchscript, identity) if name is not make]
    assert all(prior.fingerprint() != each(tmp_path).fingerprint() for each in other if make is not opened)
