# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Folders as diffusers saves them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from monai_ddfm.priors import DiffusersPrior, convert_prior, linear_alphas_cumprod, open_prior

diffusers = pytest.importorskip("diffusers")


def model(**options: object) -> torch.nn.Module:
    return diffusers.UNet2DModel(
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
        **options,
    ).eval()


@pytest.mark.parametrize("safe", [True, False])
def test_folder(tmp_path: Path, safe: bool) -> None:
    saved = model()
    saved.save_pretrained(tmp_path / "unet2d", safe_serialization=safe)
    prior = open_prior(tmp_path / "unet2d")
    saved.to(memory_format=torch.channels_last)  # as the prior computes, so that both round alike
    x, t = torch.randn(2, 1, 16, 16), torch.tensor([3, 900])
    with torch.no_grad():
        assert torch.equal(prior(x, t), saved(x.contiguous(memory_format=torch.channels_last), t).sample)
    assert prior.channels == 1 and prior.spatial_multiple == 2 and prior.prediction_type == "epsilon"
    assert torch.equal(prior.alphas_cumprod, linear_alphas_cumprod())


def test_pipeline_folder_brings_its_schedule(tmp_path: Path) -> None:
    scheduler = diffusers.DDPMScheduler(
        num_train_timesteps=500, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction"
    )
    model().save_pretrained(tmp_path / "pipe" / "unet")
    scheduler.save_pretrained(tmp_path / "pipe" / "scheduler")
    convert_prior(tmp_path / "pipe", tmp_path / "pipe.safetensors")
    for prior in (DiffusersPrior(tmp_path / "pipe"), open_prior(tmp_path / "pipe.safetensors")):
        assert prior.prediction_type == "v_prediction"
        torch.testing.assert_close(prior.alphas_cumprod, scheduler.alphas_cumprod.double())
    given = DiffusersPrior(tmp_path / "pipe", prediction_type="sample", alphas_cumprod=linear_alphas_cumprod())
    assert given.prediction_type == "sample" and len(given.alphas_cumprod) == 1000


def test_wrong_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        DiffusersPrior(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel"}))
    with pytest.raises(ValueError, match="is of a UNet2DConditionModel"):
        DiffusersPrior(tmp_path)
    model(num_class_embeds=3).save_pretrained(tmp_path / "labelled")
    with pytest.raises(ValueError, match="class label"):
        DiffusersPrior(tmp_path / "labelled")
    model().save_pretrained(tmp_path / "empty")
    (tmp_path / "empty" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds none of diffusion_pytorch_model\.safetensors"):
        DiffusersPrior(tmp_path / "empty")


def test_weights_of_another_architecture_are_named(tmp_path: Path) -> None:
    model().save_pretrained(tmp_path / "a")
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    (tmp_path / "a" / "config.json").write_text(json.dumps(config | {"layers_per_block": 2}))
    with pytest.raises(ValueError, match=r"missing \(down_blocks\.0\.resnets\.1"):
        DiffusersPrior(tmp_path / "a")
