# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The description of a fusion, and what is built from it."""

from __future__ import annotations

from monai_ddfm.pipeline.config import NOT_IN_KEY, FusionConfig, setting_names
from monai_ddfm.pipeline.fuse_ddfm import FuseDDFM, FuseDDFMD, FuseDDFMd, FuseDDFMDict
from monai_ddfm.pipeline.fusion_pipeline import FusionPipeline

__all__ = [
    "NOT_IN_KEY",
    "FuseDDFM",
    "FuseDDFMD",
    "FuseDDFMDict",
    "FuseDDFMd",
    "FusionConfig",
    "FusionPipeline",
    "setting_names",
]
