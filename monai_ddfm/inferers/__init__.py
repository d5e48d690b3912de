# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""From a volume of sources to a fused volume."""

from __future__ import annotations

from monai_ddfm.inferers.ddfm import DDFMInferer
from monai_ddfm.inferers.luminance import LuminanceRange, luminance

__all__ = ["DDFMInferer", "LuminanceRange", "luminance"]
