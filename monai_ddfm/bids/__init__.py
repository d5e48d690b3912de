# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""BIDS datasets in, BIDS derivatives out."""

from __future__ import annotations

from monai_ddfm.bids.app import fuse_dataset

__all__ = ["fuse_dataset"]
