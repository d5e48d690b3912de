# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What every rectifier promises, whichever likelihood it holds: each line of the registry is held to it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from monai_ddfm.rectifiers import RECTIFIERS, Rectifier

SHAPE = (24, 15)  # MKL rounds an inverse transform of 15 columns by the number of images and of threads
SIGMA = 0.5
ONLY_PAIRS = {"em", "reference"}  # the paper's likelihood is of two sources


@pytest.fixture(params=RECTIFIERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rectifier(name: str) -> Rectifier[Any]:
    return RECTIFIERS[name]()


def images(channels: int, seed: int = 0, batch: int = 2) -> Tensor:
    """Smooth images in [-1, 1]."""
    noise = torch.rand(batch, channels, *SHAPE, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return torch.nn.functional.avg_pool2d(noise, 5, stride=1, padding=2).mul(2).clamp(-1, 1)


def test_shape_range_and_device(rectifier: Rectifier[Any]) -> None:
    sources, proposal = images(2), images(1, seed=1)
    fused, _ = rectifier(proposal, sources, rectifier.start(sources), SIGMA)
    assert fused.shape == proposal.shape
    assert fused.dtype == proposal.dtype
    assert torch.isfinite(fused).all()
    assert fused.abs().max() <= 1.2


def test_provenance_sums_to_one(rectifier: Rectifier[Any]) -> None:
    sources = images(2)
    state = rectifier.start(sources)
    shares = rectifier.provenance(rectifier.solve(sources, state), sources, state)
    assert shares.shape == sources.shape
    assert shares.min() >= 0
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(2, *SHAPE))


def test_each_image_of_a_batch_is_alone(rectifier: Rectifier[Any]) -> None:
    sources, proposal = images(2), images(1, seed=1)
    together, _ = rectifier(proposal, sources, rectifier.start(sources), SIGMA)
    for index in range(2):
        one = slice(index, index + 1)
        alone, _ = rectifier(proposal[one], sources[one], rectifier.start(sources[one]), SIGMA)
        torch.testing.assert_close(together[one], alone, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("threads_restored")
def test_an_image_rounds_alike_beside_any_and_on_any_number_of_threads(rectifier: Rectifier[Any]) -> None:
    together, answers = slice(0, 3), []
    for threads, images_at_once in ((1, together), (2, together), (3, together), (2, slice(1, 2)), (3, slice(1, 3))):
        torch.set_num_threads(threads)
        sources, answer = images(2, batch=3)[images_at_once], images(1, seed=1, batch=3)[images_at_once]
        state = rectifier.start(sources)
        for _ in range(3):
            answer, state = rectifier(answer, sources, state, SIGMA)
        answers.append(answer[1 - images_at_once.start])
    assert all(torch.equal(answer, answers[0]) for answer in answers)


def test_arguments_are_left_alone_and_the_answer_repeats(rectifier: Rectifier[Any]) -> None:
    sources, proposal = images(2), images(1, seed=1)
    before = sources.clone(), proposal.clone()
    first, _ = rectifier(proposal, sources, rectifier.start(sources), SIGMA)
    second, _ = rectifier(proposal, sources, rectifier.start(sources), SIGMA)
    assert torch.equal(first, second)
    assert torch.equal(sources, before[0])
    assert torch.equal(proposal, before[1])


def test_sources_that_agree_are_followed(rectifier: Rectifier[Any]) -> None:
    one = images(1)
    sources = one.expand(-1, 2, *SHAPE).contiguous()
    answer = rectifier.solve(sources, rectifier.start(sources))
    ranks = torch.stack([image.flatten().argsort().argsort().double() for image in (one, answer)])
    assert torch.corrcoef(ranks)[0, 1] > 0.9  # the paper's smooths, and navigation lifts what is bright


def test_state_is_tensors_with_a_batch_axis(rectifier: Rectifier[Any]) -> None:
    state = rectifier.start(images(2))
    assert all(isinstance(value, Tensor) and len(value) == 2 for value in state)


def test_more_sources_than_two(name: str, rectifier: Rectifier[Any]) -> None:
    sources = images(3)
    if name in ONLY_PAIRS:
        with pytest.raises(ValueError, match="2"):
            rectifier.start(sources)
        return
    state = rectifier.start(sources)
    assert rectifier.provenance(rectifier.solve(sources, state), sources, state).shape == sources.shape
