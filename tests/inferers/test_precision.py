# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which arithmetic is chosen, and that it depends on accuracy and hardware only."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor, nn

from monai_ddfm.denoising.noise_meta import write_noise
from monai_ddfm.denoising.noise_model import white_noise
from monai_ddfm.inferers import DDFMInferer, precision
from monai_ddfm.inferers.precision import arithmetic, resolve_precision
from monai_ddfm.priors import IdentityPrior, NetworkPrior, UNetPrior
from monai_ddfm.rectifiers import StructureRectifier

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
    monkeypatch.setattr(precision, "has_bfloat16_units", lambda device: True)


@pytest.mark.parametrize(("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_what_is_asked_for(tiny_prior: UNetPrior, name: str, dtype: torch.dtype) -> None:
    assert resolve_precision(name, tiny_prior, CPU) is dtype


@pytest.mark.usefixtures("bfloat16_hardware")
def test_auto_keeps_accuracy(tiny_prior: UNetPrior) -> None:
    with torch.no_grad():
        assert resolve_precision("auto", tiny_prior, CPU) is torch.bfloat16
        assert resolve_precision("auto", Amplifier(1.0), CPU) is torch.float32
        assert resolve_precision("auto", Amplifier(1e-5), CPU) is torch.bfloat16


class WrongOnNarrowSlices(Amplifier):
    """As a faulty kernel is: another answer in bfloat16, for some sizes."""

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        wrong = min(x.shape[-2:]) < 20 and torch.is_autocast_enabled("cpu")
        return super().forward(x, timesteps) + wrong


@pytest.mark.usefixtures("bfloat16_hardware")
def test_auto_tries_the_sizes_that_are_asked() -> None:
    dtype_of = arithmetic("auto", WrongOnNarrowSlices(1e-5), CPU)
    with torch.no_grad():
        assert dtype_of(torch.zeros(2, 1, 300, 16)) is torch.float32
        assert dtype_of(torch.zeros(2, 1, 16, 40)) is torch.float32
        assert dtype_of(torch.zeros(2, 1, 300, 200)) is torch.bfloat16


@pytest.mark.parametrize("answer", [1e3, float("nan"), float("-inf")])
@pytest.mark.parametrize("cleaned", [False, True])
def test_an_implausible_answer_is_an_error(answer: float, cleaned: bool) -> None:
    class Garbage(NetworkPrior):
        def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
            wrong = torch.zeros_like(x)
            wrong[0, 0, x.shape[2] // 2, x.shape[3] // 2] = answer
            return wrong

    sources = MetaTensor(1.6 * torch.rand((1, 2, 24, 24, 3), generator=torch.Generator().manual_seed(0)) - 0.8)
    if cleaned:
        write_noise(sources, [white_noise(0.2)] * 2)
    rectifier = StructureRectifier(spatial_dims=3, noise=0.1, iterations=1)
    inferer = DDFMInferer(rectifier, precision="float32", denoise_sources=cleaned)
    with pytest.raises(FloatingPointError, match="give precision float32, or other weights"):
        inferer(sources, Garbage(1))


@pytest.mark.usefixtures("bfloat16_hardware")
def test_auto_needs_float32_weights() -> None:
    assert resolve_precision("auto", IdentityPrior(), CPU) is torch.float32
    assert resolve_precision("auto", Amplifier(1e-5).double(), CPU) is torch.float32


def test_auto_without_hardware(tiny_prior: UNetPrior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    assert resolve_precision("auto", tiny_prior, CPU) is torch.float32
