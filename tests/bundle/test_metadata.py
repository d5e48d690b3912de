# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The bundle's description: by MONAI's own schema, and true."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import verify_metadata

import monai_ddfm
from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.pipeline import FusionConfig, FusionPipeline

METADATA = BUNDLE_ROOT / "configs" / "metadata.json"


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    return json.loads(METADATA.read_text())


def test_schema(metadata: dict[str, Any], data_dir: Path, tmp_path: Path) -> None:
    """A schema file that is there already is not downloaded."""
    schema = tmp_path / Path(metadata["schema"]).name
    shutil.copy(data_dir / schema.name, schema)
    verify_metadata(meta_file=str(METADATA), filepath=str(schema))
    broken = tmp_path / "metadata.json"
    broken.write_text(json.dumps({**metadata, "network_data_format": {"inputs": {}}}))
    with pytest.raises(ValueError, match="is a required property"):
        verify_metadata(meta_file=str(broken), filepath=str(schema))


def test_version_is_the_packages(metadata: dict[str, Any]) -> None:
    assert metadata["version"] == monai_ddfm.__version__ == version("monai_ddfm")
    assert metadata["version"] in metadata["changelog"]


def test_required_packages_are_the_packages_own(metadata: dict[str, Any]) -> None:
    for name in metadata["required_packages_version"]:
        assert version(name)


def test_network_data_format_is_the_networks(metadata: dict[str, Any]) -> None:
    prior = FusionPipeline(FusionConfig.of(device="cpu")).prior
    inputs, outputs = (metadata["network_data_format"][side] for side in ("inputs", "outputs"))
    assert inputs["image"]["num_channels"] == outputs["pred"]["num_channels"] == prior.channels
    assert inputs["image"]["spatial_shape"] == [f"{prior.spatial_multiple}*n"] * 2
    assert inputs["timesteps"]["value_range"] == [0, len(prior.alphas_cumprod) - 1]


@pytest.mark.parametrize(
    "name", ["LICENSE", "docs/README.md", "docs/data_license.txt", "configs/logging.conf", "configs/inference.yaml"]
)
def test_files_of_a_bundle(name: str) -> None:
    assert (BUNDLE_ROOT / name).stat().st_size > 0
