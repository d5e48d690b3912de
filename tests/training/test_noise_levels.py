# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Timesteps, noise and targets of training batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.networks.schedulers import DDPMScheduler
from torch import Tensor, nn

from monai_ddfm.priors import linear_alphas_cumprod, x0_from_prediction
from monai_ddfm.training import FocusedPrepareBatch, MixedPrecisionDiffusionInferer

SCHEDULER = DDPMScheduler(1000, schedule="linear_beta", beta_start=1e-4, beta_end=2e-2)


def batch(count: int = 64, number: int = 0) -> dict[str, Any]:
    images = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(9)) * 2 - 1
    return {"image": images, "number": torch.arange(number, number + count)}


@pytest.mark.parametrize("share", [0.0, 0.75, 1.0])
def test_timesteps_are_stratified(share: float) -> None:
    _, _, _, drawn = FocusedPrepareBatch(SCHEDULER, (10, 209), share)(batch(400), "cpu")
    t = drawn["timesteps"]
    inside = ((t >= 10) & (t <= 209)).float().mean().item()
    assert t.dtype == torch.long and t.min() >= 0 and t.max() <= 999
    assert inside == pytest.approx(share + (1 - share) * 0.2, abs=0.01)
    uniform = torch.linspace(0, 1, 400)
    if share == 0.0:
        assert (t.sort().values / 1000 - uniform).abs().max() < 0.01


def test_noise_levels_are_uniform_in_log_sigma() -> None:
    drawn = FocusedPrepareBatch(SCHEDULER, (5, 380), 0.8, "log_sigma")(batch(1000), "cpu")[3]["timesteps"]
    sigma = torch.sqrt(1.0 / linear_alphas_cumprod() - 1.0)
    inside = torch.sort(sigma[drawn].log()).values
    first, last = sigma[5].log(), sigma[380].log()
    for place in (0.25, 0.5, 0.75):  # 80 percent from the focus, 20 percent of all timesteps
        below = (inside <= first + place * (last - first)).double().mean().item()
        t = (sigma.log() <= first + place * (last - first)).double().mean().item()
        assert below == pytest.approx(0.8 * place + 0.2 * t, abs=0.02)
    whole = FocusedPrepareBatch(SCHEDULER, (5, 380), 1.0, "log_sigma")(batch(4000), "cpu")[3]["timesteps"]
    assert int(whole.min()) == 5 and int(whole.max()) == 380


def test_draws_follow_from_the_number() -> None:
    first, second = FocusedPrepareBatch(SCHEDULER), FocusedPrepareBatch(SCHEDULER)
    first(batch(number=64), "cpu")
    torch.randn(5)
    again, other = first(batch(number=128), "cpu")[3], second(batch(number=128), "cpu")[3]
    assert torch.equal(again["noise"], other["noise"]) and torch.equal(again["timesteps"], other["timesteps"])
    assert not torch.equal(second(batch(number=192), "cpu")[3]["noise"], other["noise"])
    assert not torch.equal(FocusedPrepareBatch(SCHEDULER, seed=1)(batch(number=128), "cpu")[3]["noise"], other["noise"])


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
def test_a_network_that_says_the_target_knows_the_image(prediction_type: str) -> None:
    images, target, _, drawn = FocusedPrepareBatch(SCHEDULER, prediction_type=prediction_type)(batch(), "cpu")
    noisy = SCHEDULER.add_noise(images, drawn["noise"], drawn["timesteps"])
    alpha = linear_alphas_cumprod()[drawn["timesteps"]].float().view(-1, 1, 1, 1)
    x0 = x0_from_prediction(target, noisy, alpha, prediction_type)
    early = drawn["timesteps"] < 500  # later, single precision leaves nothing to divide by
    torch.testing.assert_close(x0[early], images[early], atol=1e-3, rtol=0)


def test_each_crop_is_noised_as_often_as_asked() -> None:
    given = batch(16)
    images, targets, _, drawn = FocusedPrepareBatch(SCHEDULER, noises_per_crop=3)(given, "cpu")
    assert torch.equal(images, given["image"].repeat(3, 1, 1, 1))
    assert torch.equal(targets, drawn["noise"]) and len(drawn["timesteps"].unique()) > 40
    assert not torch.equal(drawn["noise"][:16], drawn["noise"][16:32])


def test_inferer_noises_calls_and_answers_in_float32() -> None:
    class Seen(nn.Module):
        def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
            self.x, self.timesteps = x, timesteps
            return nn.functional.conv2d(x, torch.ones(1, 1, 1, 1))

    network, (images, _, _, drawn) = Seen(), FocusedPrepareBatch(SCHEDULER)(batch(), "cpu")
    output = MixedPrecisionDiffusionInferer(SCHEDULER, "bfloat16")(images, network, **drawn)
    alpha = linear_alphas_cumprod()[drawn["timesteps"]].float().view(-1, 1, 1, 1)
    expected = alpha.sqrt() * images + (1 - alpha).sqrt() * drawn["noise"]
    torch.testing.assert_close(network.x, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(network.timesteps, drawn["timesteps"]) and output.dtype == torch.float32
    assert 1e-4 < (output - expected).abs().max() < 0.05  # it was computed in bfloat16
    exact = MixedPrecisionDiffusionInferer(SCHEDULER, None)(images, network, **drawn)
    torch.testing.assert_close(exact, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"focus": (200, 100)}, "two rising timesteps"),
        ({"focus": (0, 1000)}, "below 1000"),
        ({"noises_per_crop": 0}, "noises_per_crop must be at least 1"),
        ({"focus_share": 1.5}, r"focus_share must be in \[0, 1\]"),
        ({"focus_law": "cosine"}, "focus_law must be uniform or log_sigma, got 'cosine'"),
        ({"prediction_type": "score"}, "got 'score'"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FocusedPrepareBatch(SCHEDULER, **options)
