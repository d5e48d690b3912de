# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The description of a fusion, and what is built from it."""

from __future__ import annotations

from monai_ddfm.pipeline.fuse_ddfm import FuseDDFM, FuseDDFMD, FuseDDFMd, FuseDDFMDict

__all__ = ["FuseDDFM", "FuseDDFMD", "FuseDDFMDict", "FuseDDFMd"]
