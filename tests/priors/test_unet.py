# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""MONAI's U-Net as a prior, with small random weights and with the shipped ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from monai.networks.nets import DiffusionModelUNet
from torch import Tensor, nn

from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import UNetPrior
from tests.tiny_unet import tiny_unet


class Shift(nn.Module):
    """Adds to each unshuffled channel its number."""

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        return x + torch.arange(x.shape[1]).view(1, -1, 1, 1)


def test_unshuffled_and_shuffled_back() -> None:
    x = torch.rand(2, 1, 6, 4)
    shifted = UNetPrior(Shift(), unshuffle=2)(x, torch.tensor([0, 0]))
    wanted = x + torch.tensor([[0.0, 1.0], [2.0, 3.0]]).repeat(3, 2)
    torch.testing.assert_close(shifted, wanted)


def test_multiple_of_the_image_size(tiny_prior: UNetPrior) -> None:
    assert tiny_prior.spatial_multiple == 4  # unshuffled by 2, one downsampling of two levels
    assert UNetPrior(tiny_unet(), unshuffle=1).spatial_multiple == 2
    assert tiny_prior.predict_x0(torch.zeros(1, 1, 12, 4), 5).shape == (1, 1, 12, 4)


def test_forward_is_the_network(tiny_prior: UNetPrior) -> None:
    x, t = torch.rand(1, 1, 8, 8), torch.tensor([30])
    with torch.no_grad():
        prediction = F.pixel_shuffle(tiny_unet()(F.pixel_unshuffle(x, 2), timesteps=t), 2)
        torch.testing.assert_close(tiny_prior(x, t), prediction, rtol=0, atol=1e-5)
        assert prediction.std() > 0.01  # the random network does say something


@pytest.mark.gpu
def test_gpu_agrees_with_cpu() -> None:
    prior = UNetPrior(tiny_unet())
    x = torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        on_cpu = prior.predict_x0(x, 300)
        on_gpu = prior.cuda().predict_x0(x.cuda(), 300)
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=0, atol=1e-3)


def test_shipped_prior_denoises() -> None:
    """The bundle's weights fit its network, and take most of the noise out of a smooth picture."""
    prior = FusionPipeline(FusionConfig.of(device="cpu")).prior
    assert isinstance(prior.network, DiffusionModelUNet)
    axis = torch.linspace(-1.5, 1.5, 64)
    blob = 2.0 * torch.exp(-(axis[:, None] ** 2 + axis**2))[None, None] - 1.0
    noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    alpha = float(prior.alphas_cumprod[100])
    with torch.no_grad():
        x0 = prior.predict_x0(alpha**0.5 * blob + (1 - alpha) ** 0.5 * noise, 100)
    error_before = ((1 - alpha) / alpha) ** 0.5
    assert (x0 - blob).square().mean().sqrt().item() < 0.3 * error_before
