# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sampling over timesteps: stateless functions that know neither prior nor rectifier."""

from __future__ import annotations

from collections.abc import Mapping

from monai_ddfm.samplers.ddim import sample_ddim
from monai_ddfm.samplers.ddpm import sample_ddpm
from monai_ddfm.samplers.dpm_solver import sample_dpm_solver
from monai_ddfm.samplers.sampling_loop import Sampler
from monai_ddfm.samplers.timesteps import check_timesteps, noise_level, spaced_timesteps

SAMPLERS: Mapping[str, Sampler] = {"ddim": sample_ddim, "ddpm": sample_ddpm, "dpm_solver": sample_dpm_solver}
"""Every sampler by its name in settings."""

__all__ = [
    "SAMPLERS",
    "Sampler",
    "check_timesteps",
    "noise_level",
    "sample_ddim",
    "sample_ddpm",
    "sample_dpm_solver",
    "spaced_timesteps",
]
