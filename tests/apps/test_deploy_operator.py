# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The MONAI Deploy operator in an application that runs; skipped where MONAI Deploy is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

core: Any = pytest.importorskip("monai.deploy.core", reason="needs MONAI Deploy: pip install 'monai-ddfm[deploy]'")
conditions: Any = pytest.importorskip("holoscan.conditions")

from monai_ddfm.apps.deploy_operator import FuseDDFMOperator  # noqa: E402
from monai_ddfm.apps.slices_first import slices_first  # noqa: E402
from monai_ddfm.pipeline import FuseDDFM  # noqa: E402
from tests.transforms.test_register_rigid import body  # noqa: E402

SETTINGS = {"device": "cpu", "denoise_sources": False, "rectifier_options": {"iterations": 2}, "maps": ["provenance"]}
RECEIVED: dict[str, Any] = {}


class _Read(core.Operator):
    """Two contrasts of a body, the second's affine in LPS."""

    def setup(self, spec: Any) -> None:
        spec.output("MR")
        spec.output("PET")

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        for number, name in enumerate(("MR", "PET")):
            voxels, affine = slices_first(body(number))
            flip = np.diag([-1.0, -1.0, 1.0, 1.0]) if number else np.eye(4)
            space = "LPS" if number else "RAS"
            op_output.emit(
                core.Image(voxels, {"affine": flip @ affine, "space": space, "SeriesDescription": name}), name
            )


class _Keep(core.Operator):
    def setup(self, spec: Any) -> None:
        spec.input("fused")
        spec.input("provenance")

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        RECEIVED.update({name: op_input.receive(name) for name in ("fused", "provenance")})


class _App(core.Application):
    def compose(self) -> None:
        read, keep = _Read(self, conditions.CountCondition(self, 1)), _Keep(self)
        fuse = FuseDDFMOperator(self, sources=("MR", "PET"), settings=SETTINGS)
        self.add_flow(read, fuse, {("MR", "MR"), ("PET", "PET")})
        self.add_flow(fuse, keep, {("fused", "fused"), ("provenance", "provenance")})


def test_an_application_gets_what_the_transform_gives() -> None:
    _App().run()
    expected = FuseDDFM(["MR", "PT"], **SETTINGS)([body(0), body(1)])
    np.testing.assert_allclose(RECEIVED["fused"].asnumpy(), slices_first(expected[:1])[0], atol=1e-3)
    assert RECEIVED["fused"].metadata()["SeriesDescription"] == "MR"
    assert RECEIVED["provenance"].asnumpy().shape == (2, 40, 44, 48)
