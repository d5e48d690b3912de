# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fused images back in [-1, 1]."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_ddfm.transforms import NormalizeModality, RestoreIntensity
from monai_ddfm.transforms.normalize_like import NormalizeLike, NormalizeLiked


def anchor() -> MetaTensor:
    ramp = torch.linspace(-1000, 2000, 4 * 5 * 6).view(1, 4, 5, 6)
    return NormalizeModality("CT", ct_window=(-160, 240))(MetaTensor(ramp))


def test_undoes_restore_intensity() -> None:
    fused = torch.linspace(-1, 1, 120).view(1, 4, 5, 6)
    restored = RestoreIntensity()(fused, anchor())
    assert (restored.min(), restored.max()) == (-160, 240)
    torch.testing.assert_close(NormalizeLike()(restored, anchor()), fused, atol=1e-6, rtol=0)
    case = NormalizeLiked("fused", like="CT")({"CT": anchor(), "fused": restored})
    torch.testing.assert_close(case["fused"], fused, atol=1e-6, rtol=0)


def test_another_grid_or_an_anchor_in_its_own_units_is_refused() -> None:
    with pytest.raises(ValueError, match="grid of its anchor"):
        NormalizeLike()(torch.zeros(1, 4, 5, 7), anchor())
    with pytest.raises(ValueError, match="did not scale it"):
        NormalizeLike()(torch.zeros(1, 4, 5, 6), MetaTensor(torch.zeros(1, 4, 5, 6)))
