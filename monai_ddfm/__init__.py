# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""DDFM: training-free fusion of registered medical volumes with a diffusion prior and an EM likelihood rectifier."""

from __future__ import annotations

__version__ = "0.1.0"
