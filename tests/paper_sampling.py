# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sampling as the paper has it, from pure noise and with sources as they are, for tests of the inferer."""

from __future__ import annotations

from typing import Any

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.rectifiers import EMRectifier

__all__ = ["FROM_NOISE", "paper_inferer"]

FROM_NOISE: dict[str, Any] = {
    "start": "noise",
    "start_timestep": 999,
    "denoise_sources": False,
    "clean_in_three_planes": False,
    "crop_background": False,
}


def paper_inferer(steps: int = 3, **arguments: Any) -> DDFMInferer:
    """The paper's rectifier, in a few steps from pure noise."""
    defaults = {"rectifier": EMRectifier(), "steps": steps, "precision": "float32", **FROM_NOISE}
    return DDFMInferer(**{**defaults, **arguments})
