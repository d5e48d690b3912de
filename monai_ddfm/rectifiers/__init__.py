# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the sources say: one file per likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_ddfm.rectifiers.base import Rectifier
from monai_ddfm.rectifiers.em import EMRectifier, EMState
from monai_ddfm.rectifiers.highlight import HighlightRectifier, HighlightState
from monai_ddfm.rectifiers.reference import ReferenceEMRectifier, ReferenceState
from monai_ddfm.rectifiers.structure import StructureRectifier, StructureState

RECTIFIERS: Mapping[str, type[Rectifier[Any]]] = {
    "structure": StructureRectifier,
    "em": EMRectifier,
    "reference": ReferenceEMRectifier,
    "highlight": HighlightRectifier,
}
"""Every rectifier by its name in settings."""

__all__ = [
    "RECTIFIERS",
    "EMRectifier",
    "EMState",
    "HighlightRectifier",
    "HighlightState",
    "Rectifier",
    "ReferenceEMRectifier",
    "ReferenceState",
    "StructureRectifier",
    "StructureState",
]
