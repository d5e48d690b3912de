# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The bundle as the model zoo wants it: no rule broken, and `monai.bundle.load` gives the network with its weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import monai.bundle
import pytest
import torch
from monai.bundle import ConfigParser

from monai_ddfm.bundle import BUNDLE_ROOT, WEIGHTS
from monai_ddfm.commands.zoo import broken_rules, main, write_zoo_bundle
from monai_ddfm.priors import open_prior

NAME = "ddfm_image_fusion"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_zoo_bundle(tmp_path_factory.mktemp("zoo") / NAME)


def test_no_rule_is_broken(written: Path) -> None:
    assert broken_rules(written) == []


@pytest.mark.parametrize("kind", ["inference", "train"])
def test_monai_loads_the_network_with_its_weights(written: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written.parent)
    network = monai.bundle.load(NAME, bundle_dir=".", workflow_type=kind, device="cpu")
    own = open_prior(None).state_dict()
    found = {name.removeprefix("network."): tensor for name, tensor in network.state_dict().items()}
    assert {f"network.{name}" for name in found} == set(own)
    assert all(torch.equal(tensor, own[f"network.{name}"]) for name, tensor in found.items())
    assert (written / "models" / "model.pt").stat().st_size < 1.1 * (written / WEIGHTS).stat().st_size


def test_the_json_files_are_the_yaml_files(written: Path) -> None:
    for config in sorted((BUNDLE_ROOT / "configs").glob("*.yaml")):
        as_json = ConfigParser.load_config_file(str(written / "configs" / f"{config.stem}.json"))
        assert as_json == ConfigParser.load_config_file(str(config))


def test_every_rule_is_looked_at(written: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "fusion"
    shutil.copytree(written, bundle, ignore=shutil.ignore_patterns("example"))
    (bundle / "LICENSE").unlink()
    (bundle / "models" / "model.pt").unlink()
    with (bundle / "models" / "large.bin").open("wb") as large:
        large.truncate(26 * 10**6)
    metadata = bundle / "configs" / "metadata.json"
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), "version": "9.9.9"}))
    said = "\n".join(broken_rules(bundle))
    for fault in (
        "LICENSE: is missing",
        "fusion: a bundle's name is words with underscores",
        "neither models/model.pt nor a line of large_files.yml",
        "large.bin: 26 MB, at most 25",
        "version 9.9.9 is missing in changelog",
    ):
        assert fault in said
    (bundle / "large_files.yml").write_text(
        "large_files:\n- {path: models/large.bin, url: 'https://example.org/large.bin'}\n- {path: models/model.pt}\n"
    )
    said = "\n".join(broken_rules(bundle))
    assert "large.bin" not in said
    assert "needs path and url" in said


def test_an_existing_folder_is_kept(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(written)]) == 1
    assert "exists" in capsys.readouterr().err
