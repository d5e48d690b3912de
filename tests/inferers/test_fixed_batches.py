# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the network answers on a CPU does not depend on what else it is asked, nor on threads."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from monai_ddfm.inferers.fixed_batches import fewest_images, in_fixed_batches
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.priors.predict_padded import predict_padded


@pytest.fixture(scope="module")
def prior() -> DiffusionPrior:
    """The shipped one: whose kernels round otherwise for another number of images, or of threads."""
    return FusionPipeline(FusionConfig.of(device="cpu")).prior


def ask(prior: DiffusionPrior, images: Tensor, kind: torch.dtype = torch.float32) -> Tensor:
    with torch.no_grad():
        return in_fixed_batches(partial(predict_padded, prior, t=100, dtype=kind), images)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("size", [(40, 56), (96, 112), (176, 160)])
@pytest.mark.usefixtures("threads_restored")
def test_each_image_is_answered_alike(prior: DiffusionPrior, size: tuple[int, int], kind: torch.dtype) -> None:
    images = torch.randn(11, 1, *size, generator=torch.Generator().manual_seed(0))
    torch.set_num_threads(2)
    together = ask(prior, images, kind)
    order = torch.tensor([7, 0, 10, 3])
    assert torch.equal(ask(prior, images[order], kind), together[order])
    assert torch.equal(ask(prior, images[4:5], kind), together[4:5])
    for count in (1, 3):
        torch.set_num_threads(count)
        assert torch.equal(ask(prior, images[:9], kind), together[:9])


def test_values_go_with_their_images() -> None:
    images, values = torch.arange(20.0).view(20, 1, 1, 1).expand(20, 1, 300, 200), torch.arange(20.0)
    seen = []

    def predict(some: Tensor, of: Tensor) -> Tensor:
        seen.append(len(some))
        return some * 2 + of.view(-1, 1, 1, 1)

    assert torch.equal(in_fixed_batches(predict, images, values), images * 3)
    assert set(seen) == {1}
    seen.clear()
    assert torch.equal(in_fixed_batches(predict, images[..., :70, :70], values), images[..., :70, :70] * 3)
    assert seen == [8, 8, 8]


def test_fewest() -> None:
    assert fewest_images(torch.zeros(1, 1, 8, 8)) == 8 * torch.get_num_threads()
    assert fewest_images(torch.zeros(1, 1, 512, 512)) == torch.get_num_threads()
