# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What can be returned beside the fused image, one map per file."""

from __future__ import annotations

MAPS = {"provenance": None, "uncertainty": None, "novelty": None}
