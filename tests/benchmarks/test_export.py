# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

from export import compare, export_onnx, onnx_backend


@pytest.mark.filterwarnings("ignore")
def test_onnx_says_what_the_prior_says_at_any_size(tiny_prior, tmp_path):
    export_onnx(tiny_prior.eval(), tmp_path / "prior.onnx")
    backend = onnx_backend(tmp_path / "prior.onnx", threads=1)
    generator = torch.Generator().manual_seed(0)
    for shape in ((1, 1, 16, 24), (3, 1, 40, 32)):
        x, timesteps = torch.randn(shape, generator=generator), torch.arange(shape[0]) * 100
        with torch.no_grad():
            assert torch.allclose(backend(x, timesteps), tiny_prior(x, timesteps), atol=1e-4)


def test_backends_are_compared_with_the_first():
    backends = {"exact": lambda x, t: x, "off": lambda x, t: x + 0.25}
    rows = compare(backends, torch.zeros(1, 1, 8, 8), torch.zeros(1), runs=2).splitlines()[2:]
    assert rows[0].startswith("| exact |")
    assert rows[0].endswith("0.0e+00 |")
    assert rows[1].endswith("2.5e-01 |")
