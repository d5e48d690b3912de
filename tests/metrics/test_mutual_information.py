# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Mutual information: its laws."""

from __future__ import annotations

import math

import pytest
import torch

from monai_ddfm.metrics import entropy, mutual_information


def test_of_an_image_with_itself_is_its_entropy() -> None:
    image = torch.randint(0, 256, (3, 1, 32, 32), generator=torch.Generator().manual_seed(0)).float()
    torch.testing.assert_close(mutual_information(image, image), entropy(image) * math.log(2))


def test_of_independent_images_is_zero() -> None:
    rows = torch.arange(16.0)[:, None].expand(1, 1, 16, 16)
    assert mutual_information(rows, rows.transpose(2, 3)).item() == pytest.approx(0.0, abs=1e-12)


def test_per_source_sums_to_the_value() -> None:
    sources = torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(1)).float()
    fused = sources.amax(1, keepdim=True)
    each = mutual_information(fused, sources, per_source=True)
    assert each.shape == (2, 3)
    torch.testing.assert_close(each.sum(1), mutual_information(fused, sources))


def test_sources_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \(1, 2, 8, 9\)"):
        mutual_information(torch.zeros(1, 1, 8, 8), torch.zeros(1, 2, 8, 9))
