# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The inverse transform is torch's, and rounds alike whatever stands beside an image."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.fourier import irfft2, times_real


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (5, 1), (7, 8), (8, 7), (16, 12)])
def test_inverse_transform(shape: tuple[int, int]) -> None:
    images = torch.randn(3, 2, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(irfft2(torch.fft.rfft2(images), shape), images)
    spectrum = torch.randn(3, shape[0], shape[1] // 2 + 1, dtype=torch.complex128)  # of no real image: its real part
    torch.testing.assert_close(irfft2(spectrum, shape), torch.fft.irfft2(spectrum, s=shape))


def test_product_with_real_numbers() -> None:
    spectrum, gain = torch.randn(4, 5, 6, dtype=torch.complex64), torch.rand(5, 6)
    torch.testing.assert_close(times_real(spectrum, gain), spectrum * gain)


@pytest.mark.usefixtures("threads_restored")
@pytest.mark.parametrize("shape", [(15, 15), (16, 12), (64, 64), (91, 109)])
def test_same_bits_beside_any_images_and_on_any_threads(shape: tuple[int, int]) -> None:
    images = torch.randn(9, *shape, generator=torch.Generator().manual_seed(0))
    gain = torch.rand(shape[0], shape[1] // 2 + 1, generator=torch.Generator().manual_seed(1))
    answers = []
    for threads, some in ((1, slice(0, 9)), (2, slice(0, 9)), (3, slice(2, 9)), (2, slice(3, 4))):
        torch.set_num_threads(threads)
        filtered = irfft2(times_real(torch.fft.rfft2(images[some]), gain), shape)
        answers.append(filtered[3 - some.start])
    assert all(torch.equal(answer, answers[0]) for answer in answers)
