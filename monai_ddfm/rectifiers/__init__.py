# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the sources say: one file per likelihood."""

from __future__ import annotations

from monai_ddfm.rectifiers.base import Rectifier
from monai_ddfm.rectifiers.em import EMRectifier, EMState
from monai_ddfm.rectifiers.reference import ReferenceEMRectifier, ReferenceState
from monai_ddfm.rectifiers.structure import StructureRectifier, StructureState

__all__ = [
    "EMRectifier",
    "EMState",
    "Rectifier",
    "ReferenceEMRectifier",
    "ReferenceState",
    "StructureRectifier",
    "StructureState",
]
