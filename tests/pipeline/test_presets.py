# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The presets: every overlay parses and builds the inferer it stands for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monai_ddfm.bundle import BUNDLE_ROOT, config_files, preset_names
from monai_ddfm.denoising.noise_model import NoiseModel, white_noise
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.describe import describe
from monai_ddfm.priors import IdentityPrior
from monai_ddfm.rectifiers import EMRectifier, ReferenceEMRectifier
from tests.paper_sampling import FROM_NOISE


def test_names() -> None:
    assert {"mri_ct", "mri_pet", "mri_spect", "paper", "reference"} <= set(preset_names())
    assert preset_names() == sorted(preset_names())


@pytest.mark.parametrize("preset", [None, *preset_names()])
def test_every_preset_builds_its_pipeline(preset: str | None) -> None:
    assert all(Path(file).is_file() for file in config_files(preset))
    pipeline = FusionPipeline(FusionConfig.of(preset))  # the names of its sources say their modality
    assert pipeline.config.results.preset_name == (preset or "default")
    assert len(pipeline.keys) >= 2


@pytest.mark.parametrize(
    ("preset", "keys"), [("mri_ct", ["MR", "CT"]), ("mri_pet", ["MR", "PET"]), ("mri_spect", ["MR", "SPECT"])]
)
def test_sources(preset: str, keys: list[str]) -> None:
    assert list(FusionConfig.of(preset).inputs.keys) == keys


PUBLISHED = {
    "paper": DDFMInferer(EMRectifier(0.5, 0.1, 2.0), "ddim", 100, **FROM_NOISE),
    "reference": DDFMInferer(
        ReferenceEMRectifier(0.5, 0.001), "ddim", 100, precision="float32", luminance_range="studio", **FROM_NOISE
    ),
}


@pytest.mark.parametrize("preset", PUBLISHED)
def test_published_settings(preset: str) -> None:
    built, wanted = FusionPipeline(FusionConfig.of(preset, progress=False)).inferer, PUBLISHED[preset]
    assert describe(built) == describe(wanted)
    sources = torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.equal(built(sources, IdentityPrior()), wanted(sources, IdentityPrior()))


def test_overrides() -> None:
    wanted = DDFMInferer(EMRectifier(largest_ratio=2.0), steps=4, seed=7, **FROM_NOISE)
    assert describe(FusionPipeline(FusionConfig.of("paper", steps=4, seed=7)).inferer) == describe(wanted)


def test_unknown_preset() -> None:
    with pytest.raises(ValueError, match=r"no preset 'best'; there are .*mri_ct, "):
        config_files("best")


def test_bundle_root() -> None:
    assert (BUNDLE_ROOT / "models" / "prior.safetensors").is_file()
    assert (BUNDLE_ROOT / "configs" / "inference.yaml").is_file()


class _Counting(IdentityPrior):
    """Cleans nothing, so that sampling follows, and counts the slices it is asked about."""

    slices = 0

    def predict_x0(self, x_t: torch.Tensor, t: torch.Tensor | int) -> torch.Tensor:
        self.slices += len(x_t)
        return super().predict_x0(x_t, t)


@pytest.mark.parametrize(
    ("preset", "noise", "evaluations"),
    [(None, "white", 2 * 3 + 2), (None, "smooth", 2 * 4), ("preview", "white", 2 + 1), ("preview", "smooth", 2)],
)
def test_evaluations_a_slice_at_most(preset: str | None, noise: str, evaluations: int) -> None:
    """Ten for two sources, three in a preview; smooth noise takes one more to clean, and asks for no sampling."""
    noisy = 0.2 * torch.randn(1, 2, 24, 24, 24, generator=torch.Generator().manual_seed(0))
    model = white_noise(0.2) if noise == "white" else NoiseModel((0.0, 0.05, 0.1, 0.8), (10.0, 8.0, 0.1, 1e-3))
    if noise == "smooth":
        spectrum = model.spectrum((24, 24))
        noisy = torch.fft.ifft2(torch.fft.fft2(noisy.movedim(-1, 2)) * spectrum.sqrt()).real.movedim(2, -1)
    prior = _Counting()
    inferer = FusionPipeline(FusionConfig.of(preset, progress=False, precision="float32")).inferer
    inferer.noise_models = [model, model]
    inferer(noisy.clamp(-1.5, 1.5), prior)
    assert prior.slices == 24 * evaluations
