# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""How a prior is trained: volumes, crops, noise levels, validation and going on after a kill."""

from __future__ import annotations

from monai_ddfm.training.checkpoint import PriorWriter, ResumableCheckpoint, settings_difference
from monai_ddfm.training.crops import CropDataset, CropSampler, RandPlaneCropd
from monai_ddfm.training.datalist import person_of, read_datalist, split_by_person, volume_weights, with_ct_windows
from monai_ddfm.training.gradient_clipping import GradientClipping
from monai_ddfm.training.noise_levels import FocusedPrepareBatch, MixedPrecisionDiffusionInferer
from monai_ddfm.training.normalize_entry import NormalizeEntryd
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
