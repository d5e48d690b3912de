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

"""Sampling over timesteps: stateless functions that know neither prior nor rectifier."""

from __future__ import annotations

from monai_ddfm.samplers.ddim import sample_ddim
from monai_ddfm.samplers.ddpm import sample_ddpm
from monai_ddfm.samplers.dpm_solver import sample_dpm_solver
from monai_ddfm.samplers.timesteps import check_timesteps, noise_level, spaced_timesteps

__all__ = ["check_timesteps", "noise_level", "sample_ddim", "sample_ddpm", "sample_dpm_solver", "spaced_timesteps"]
