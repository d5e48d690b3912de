# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export, create_workflow

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors.trace import trace_prior

CONFIGS = [str(BUNDLE_ROOT / "configs" / name) for name in ("inference.yaml", "export.yaml")]
METADATA = str(BUNDLE_ROOT / "configs" / "metadata.json")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped prior as TorchScript, by the two commands of the bundle."""
    folder = tmp_path_factory.mktemp("export")
    checkpoint = str(folder / "model.pt")
    workflow = create_workflow(
        config_file=CONFIGS,
        workflow_type="inference",
        meta_file=METADATA,
        logging_file=False,
        run_id="write_checkpoint",
        checkpoint=checkpoint,
    )
    workflow.run()
    ckpt_export("traced", str(folder / "model.ts"), checkpoint, meta_file=METADATA, config_file=CONFIGS)
    return folder / "model.ts"


@pytest.mark.parametrize("shape", [(2, 1, 64, 64), (1, 1, 48, 96), (5, 1, 16, 32)])
def test_torchscript_says_what_the_prior_says(exported, shape):
    prior = FusionPipeline(FusionConfig.of(device="cpu")).prior
    generator = torch.Generator().manual_seed(0)
    x, timesteps = torch.randn(shape, generator=generator), torch.randint(0, 1000, shape[:1], generator=generator)
    with torch.no_grad():
        assert torch.allclose(torch.jit.load(exported)(x, timesteps), prior(x, timesteps), atol=1e-5)


def test_torchscript_carries_metadata_and_configuration(exported):
    extra = {"metadata.json": "", "inference.json": ""}
    torch.jit.load(exported, _extra_files=extra)
    assert json.loads(extra["metadata.json"])["name"] == "DDFM medical image fusion"
    assert "network_def" in json.loads(extra["inference.json"])


def test_a_size_that_the_network_cannot_take(tiny_prior):
    with pytest.raises(ValueError, match="multiple of 4"):
        trace_prior(tiny_prior, 66)


def test_the_tensorrt_overlay_replaces_the_inner_network():
    parser = ConfigParser()
    parser.read_config([CONFIGS[0], str(BUNDLE_ROOT / "configs" / "inference_trt.yaml")])
    assert parser.get("network_def").startswith("$trt_compile(open_prior(@weights)")
    assert parser.get_parsed_content("trt_args") == {"precision": "fp16", "dynamic_batchsize": [1, 8, 8]}
