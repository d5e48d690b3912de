# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.inferers.memory import halving, halving_batches, images_at_once, is_out_of_memory

IMPOSSIBLE = 2**50  # bytes


def limited(most: int, error: type[Exception], sizes: list[int]):
    """A prediction that has memory for `most` images."""

    def predict(images: Tensor) -> Tensor:
        sizes.append(len(images))
        if len(images) > most:
            raise error("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 4 GiB")
        return images * 2

    return predict


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
@pytest.mark.parametrize(("most", "first", "last"), [(8, 8, 8), (3, 8, 2), (1, 5, 1), (4, 100, 2), (5, 100, 5)])
def test_batches_are_halved_until_they_fit(error, most, first, last):
    sizes: list[int] = []
    images = torch.arange(11.0).reshape(11, 1)
    result, fitted = halving_batches(limited(most, error, sizes), images, first)
    assert torch.equal(result, images * 2)
    assert fitted == last
    assert sum(size for size in sizes if size <= most) == 11  # nothing is done twice


def test_what_fitted_is_where_the_next_begins():
    sizes: list[int] = []
    images = torch.zeros(8, 1)
    _, fitted = halving_batches(limited(2, MemoryError, sizes), images, 8)
    sizes.clear()
    halving_batches(limited(2, MemoryError, sizes), images, fitted)
    assert sizes == [2, 2, 2, 2]


def test_a_single_slice_that_does_not_fit_says_what_it_asked_for():
    with pytest.raises(MemoryError, match=r"single slice of 24x40.*2\.50 GiB"):
        halving_batches(limited(0, RuntimeError, []), torch.zeros(4, 1, 24, 40), 4)


def test_the_real_allocator_is_understood():
    def predict(images: Tensor) -> Tensor:
        return torch.empty(IMPOSSIBLE, dtype=torch.uint8)

    with pytest.raises(MemoryError, match=r"1048576\.00 GiB"):
        halving_batches(predict, torch.zeros(2, 1, 8, 8), 2)


@pytest.mark.gpu
def test_a_gpu_that_is_too_small_is_understood():
    def predict(images: Tensor) -> Tensor:
        return torch.empty(IMPOSSIBLE, dtype=torch.uint8, device="cuda")

    with pytest.raises(MemoryError, match="GiB are free"):
        halving_batches(predict, torch.zeros(2, 1, 8, 8, device="cuda"), 2)


def test_other_errors_are_not_memory():
    def predict(images: Tensor) -> Tensor:
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        halving_batches(predict, torch.zeros(4, 1), 4)
    assert not is_out_of_memory(ValueError("out of memory"))
    assert is_out_of_memory(OSError(12, "Cannot allocate memory"))
    assert not is_out_of_memory(OSError(2, "No such file"))


def test_items_are_halved_until_they_fit_and_come_in_order():
    def compute(first: int, last: int) -> list[int]:
        if last - first > 2:
            raise MemoryError
        return list(range(first, last))

    parts, fitted = halving(compute, 7, 7, torch.device("cpu"), "item")
    assert [item for part in parts for item in part] == list(range(7))
    assert fitted <= 2


def test_a_cpu_sees_what_keeps_its_threads_busy():
    assert images_at_once(torch.zeros(100, 1, 8, 8)) == 64
    assert images_at_once(torch.zeros(100, 1, 8, 8), 1) == 8 * torch.get_num_threads()
    assert images_at_once(torch.zeros(100, 1, 512, 512), 100) == 100


@pytest.mark.gpu
def test_a_gpu_sees_as_many_as_fit():
    small, large = (torch.zeros(1, device="cuda").expand(2, 1, side, side) for side in (64, 512))
    assert images_at_once(small) > images_at_once(large) >= 1
