# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The FFT step is the minimiser it says it is."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.rectifiers.gradient_fit import fit_to_gradients


@pytest.mark.parametrize("shape", [(6, 8), (7, 5), (1, 9), (4, 1), (1, 1)])
def test_derivative_of_the_objective_is_zero(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 1, *shape, generator=generator, dtype=torch.float64)
    gradients = torch.randn(2, 2, *shape, generator=generator, dtype=torch.float64)
    k = fit_to_gradients(image, gradients).requires_grad_()
    differences = torch.cat([k.roll(-1, -2) - k, k.roll(-1, -1) - k], dim=1)
    objective = (k - image).square().sum() + (differences - gradients).square().sum()
    (derivative,) = torch.autograd.grad(objective, k)
    torch.testing.assert_close(derivative, torch.zeros_like(derivative), rtol=0, atol=1e-12)


def test_own_gradients_give_the_image_back() -> None:
    image = torch.randn(1, 1, 9, 10, generator=torch.Generator().manual_seed(1))
    gradients = torch.cat([image.roll(-1, -2) - image, image.roll(-1, -1) - image], dim=1)
    torch.testing.assert_close(fit_to_gradients(image, gradients), image, rtol=0, atol=1e-5)
