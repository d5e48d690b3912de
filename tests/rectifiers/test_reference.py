# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The published code's rectifier equals what that code computed, number for number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from monai_ddfm.rectifiers import ReferenceEMRectifier
from monai_ddfm.rectifiers.reference import ReferenceState


@pytest.fixture(scope="module")
def golden(data_dir: Path) -> dict[str, Tensor]:
    with np.load(data_dir / "em_reference.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@pytest.fixture(scope="module")
def sources(golden: dict[str, Tensor]) -> Tensor:
    return torch.cat([golden["I"], golden["V"]], dim=1)


def run(x0: Tensor, sources: Tensor, times: int = 3) -> tuple[Tensor, ReferenceState]:
    rectifier = ReferenceEMRectifier()
    state = rectifier.start(sources)
    for _ in range(times):
        x0, state = rectifier(x0, sources, state, 0.0)
    return x0, state


def test_five_steps_of_the_published_code(golden: dict[str, Tensor], sources: Tensor) -> None:
    rectifier = ReferenceEMRectifier()
    state = rectifier.start(sources)
    for step in range(5):
        f, state = rectifier(golden[f"f_in_{step}"], sources, state, 0.0)
        found = {
            "f_out": f,
            "H": state.smooth,
            "F1": state.gradients[:, 1:2],
            "F2": state.gradients[:, 0:1],
            "tau_a": state.tau_a[0],
            "tau_b": state.tau_b[0],
        }
        for name, value in found.items():
            wanted = golden[f"{name}_{step}"].to(value.dtype)
            torch.testing.assert_close(value, wanted.reshape(value.shape), rtol=0, atol=1e-5, msg=f"{name}_{step}")
        for name, value in (("C", state.precision_a), ("D", state.precision_b)):  # they grow to 1e5
            torch.testing.assert_close(value, golden[f"{name}_{step}"], rtol=1e-5, atol=1e-5, msg=f"{name}_{step}")


def test_equal_sources_are_the_result(golden: dict[str, Tensor]) -> None:
    source = golden["I"]
    f, _ = run(golden["f_in_0"], source.expand(-1, 2, -1, -1), times=4)
    torch.testing.assert_close(f, source, rtol=0, atol=1e-5)


def test_batch_equals_one_by_one(golden: dict[str, Tensor], sources: Tensor) -> None:
    both = torch.cat([sources, sources.flip(1)])
    x0 = torch.cat([golden["f_in_0"], golden["f_in_1"]])
    together, state = run(x0, both)
    for index in range(2):
        alone, alone_state = run(x0[index : index + 1], both[index : index + 1])
        torch.testing.assert_close(together[index : index + 1], alone, rtol=0, atol=1e-6)
        torch.testing.assert_close(state.tau_a[index : index + 1], alone_state.tau_a, rtol=1e-5, atol=0)
    assert state.tau_a[0] != state.tau_a[1]


def test_float32_agrees_with_float64(golden: dict[str, Tensor], sources: Tensor) -> None:
    rounded, _ = run(golden["f_in_0"], sources)
    exact, _ = run(golden["f_in_0"].double(), sources.double())
    assert exact.dtype == torch.float64
    torch.testing.assert_close(rounded.double(), exact, rtol=0, atol=1e-4)


@pytest.mark.gpu
def test_gpu_agrees_with_cpu(golden: dict[str, Tensor], sources: Tensor) -> None:
    on_cpu, _ = run(golden["f_in_0"].double(), sources.double())
    on_gpu, _ = run(golden["f_in_0"].double().cuda(), sources.double().cuda())
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=0, atol=1e-9)


def test_provenance(golden: dict[str, Tensor], sources: Tensor) -> None:
    f, state = run(golden["f_in_0"], sources)
    share = ReferenceEMRectifier().provenance(f, sources, state)
    torch.testing.assert_close(share.sum(1), torch.ones_like(share[:, 0]))
    at_i = ReferenceEMRectifier().provenance(sources[:, :1], sources, state)[:, 0]
    apart = (sources[:, 0] - sources[:, 1]).abs() > 0.1
    assert (at_i[apart] > 0.6).all()  # D is at most 2C: the share of I never passes two thirds


def test_only_two_sources() -> None:
    with pytest.raises(ValueError, match=r"two sources \[B, 2, H, W\], got \(1, 3, 8, 8\)"):
        ReferenceEMRectifier().start(torch.zeros(1, 3, 8, 8))
