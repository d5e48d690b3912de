# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which arithmetic is chosen, and that it depends on accuracy and hardware only."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from monai_ddfm.inferers import precision
from monai_ddfm.inferers.precision import resolve_precision
from monai_ddfm.priors import IdentityPrior, NetworkPrior, UNetPrior

CPU = torch.device("cpu")


class Amplifier(NetworkPrior):
    """A convolution times a large number: what bfloat16 rounds away becomes visible."""

    def __init__(self, gain: float) -> None:
        super().__init__(1, prediction_type="sample")
        self.convolution = nn.Conv2d(1, 1, 1)
        nn.init.constant_(self.convolution.weight, 1.0)
        nn.init.constant_(self.convolution.bias, 100.0)
        self.gain = gain

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        return self.gain * (self.convolution(x).float() - 100.0)


@pytest.fixture
def bfloat16_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_has_bfloat16_units", lambda device: True)


@pytest.mark.parametrize(("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_what_is_asked_for(tiny_prior: UNetPrior, name: str, dtype: torch.dtype) -> None:
    assert resolve_precision(name, tiny_prior, CPU) is dtype


@pytest.mark.usefixtures("bfloat16_hardware")
def test_auto_keeps_accuracy(tiny_prior: UNetPrior) -> None:
    with torch.no_grad():
        assert resolve_precision("auto", tiny_prior, CPU) is torch.bfloat16
        assert resolve_precision("auto", Amplifier(1.0), CPU) is torch.float32
        assert resolve_precision("auto", Amplifier(1e-5), CPU) is torch.bfloat16


@pytest.mark.usefixtures("bfloat16_hardware")
def test_auto_needs_float32_weights() -> None:
    assert resolve_precision("auto", IdentityPrior(), CPU) is torch.float32
    assert resolve_precision("auto", Amplifier(1e-5).double(), CPU) is torch.float32


def test_auto_without_hardware(tiny_prior: UNetPrior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    assert resolve_precision("auto", tiny_prior, CPU) is torch.float32
