# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How a prior is trained: volumes, crops, noise levels, validation and going on after a kill."""

from __future__ import annotations

from monai_ddfm.training.checkpoint import PriorWriter, ResumableCheckpoint, settings_difference
from monai_ddfm.training.crops import CropDataset, CropSampler, RandPlaneCropd
from monai_ddfm.training.datalist import person_of, read_datalist, split_by_person, volume_weights, with_ct_windows
from monai_ddfm.training.gradient_clipping import GradientClipping
from monai_ddfm.training.noise_levels import FocusedPrepareBatch, MixedPrecisionDiffusionInferer
from monai_ddfm.training.normalize_entry import NormalizeEntryd
from monai_ddfm.training.tone_curve import RandToneCurved
from monai_ddfm.training.validation import DenoisingTable, denoising_psnr, middle_slices

__all__ = [
    "CropDataset",
    "CropSampler",
    "DenoisingTable",
    "FocusedPrepareBatch",
    "GradientClipping",
    "MixedPrecisionDiffusionInferer",
    "NormalizeEntryd",
    "PriorWriter",
    "RandPlaneCropd",
    "RandToneCurved",
    "ResumableCheckpoint",
    "denoising_psnr",
    "middle_slices",
    "person_of",
    "read_datalist",
    "settings_difference",
    "split_by_person",
    "volume_weights",
    "with_ct_windows",
]
