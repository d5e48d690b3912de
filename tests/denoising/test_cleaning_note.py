# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a user is told of each source, and what the uncertainty knows of it, in the inferer's answer."""

from __future__ import annotations

import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_ddfm.denoising.noise_meta import notes_of
from monai_ddfm.denoising.noise_model import NoiseModel, white_noise
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.priors import IdentityPrior


def fused(noises: list[NoiseModel], **settings: object) -> tuple[Tensor, list[str]]:
    """The uncertainty ``[H, W]`` of a fusion of two smooth pictures, and the lines on them."""
    ramp = torch.linspace(-0.8, 0.8, 32).expand(32, 32)
    sources = MetaTensor(torch.stack([ramp, ramp.T])[None])
    inferer = DDFMInferer(noise_models=noises, maps=["uncertainty"], uncertainty_seeds=2, **settings)  # type: ignore[arg-type]
    answer = inferer(sources, IdentityPrior())
    return answer[0, 1].as_subclass(Tensor), notes_of(answer)


def test_sources_without_noise_are_said_and_so_is_what_uncertainty_means() -> None:
    uncertainty, lines = fused([white_noise(0.0), white_noise(0.0)])
    assert uncertainty.abs().max() == 0.0
    for line in lines:
        assert line.startswith("no measurable noise (")
        assert line.endswith("uncertainty knows of no noise in it and is 0 wherever only such sources have a share")


def test_noise_that_is_left_is_in_the_uncertainty() -> None:
    uncertainty, lines = fused([white_noise(0.0), white_noise(0.04)])
    assert 0.0 < uncertainty.max() < 0.041
    assert lines[1].endswith("too little to matter, left as it is; uncertainty holds its noise of 2.0 % by its share")


def test_a_noisy_source_that_was_not_to_be_cleaned_is_in_the_uncertainty() -> None:
    uncertainty, lines = fused([white_noise(0.0), white_noise(0.3)], denoise_sources=[True, False])
    assert uncertainty.max() > 0.04
    assert lines[1] == "not cleaned, as was asked; uncertainty holds its noise of 15.0 % by its share"


def test_draws_are_in_the_uncertainty() -> None:
    uncertainty, lines = fused([white_noise(0.0), white_noise(0.3)])
    assert uncertainty.max() > 0.0
    assert lines[1].endswith("uncertainty holds what draws of it scatter")
