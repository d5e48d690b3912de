# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What results are for, in the words that stand in each of them."""

from __future__ import annotations

__all__ = ["NOT_DIAGNOSTIC"]

NOT_DIAGNOSTIC = "Research use only, not for diagnostic use"
