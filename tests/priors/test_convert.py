# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Checkpoints converted to one file, and files that say what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.networks.nets import DiffusionModelUNet
from safetensors.torch import save_file

from monai_ddfm.__main__ import main
from monai_ddfm.priors import GuidedDiffusionPrior, UNetPrior, convert_prior, open_prior
from monai_ddfm.priors.prior_file import read_header, write_prior_file
from tests.priors.adm_reference import random_adm
from tests.tiny_unet import TINY

pytest.importorskip("diffusers")


@pytest.fixture
def openai(tmp_path: Path) -> Path:
    torch.save(random_adm([32, 64], 1, [False, True]), tmp_path / "openai.pt")
    return tmp_path / "openai.pt"


def test_converted_is_the_same_network(openai: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "converted.safetensors"
    convert_prior(openai, target, num_heads=2)
    read, converted = GuidedDiffusionPrior(openai, num_heads=2), open_prior(target)
    x, t = torch.randn(1, 3, 16, 16), torch.tensor([50])
    with torch.no_grad():
        assert torch.equal(converted(x, t), read(x, t))
    assert torch.equal(converted.alphas_cumprod, read.alphas_cumprod)
    assert [path.name for path in target.parent.iterdir()] == ["converted.safetensors"]


def test_command(openai: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    target = tmp_path / "converted.safetensors"
    arguments = ["convert-prior", str(openai), str(target), "--num-head-channels", "32"]
    assert main(arguments) == 0
    assert open_prior(target).channels == 3
    assert main(arguments) == 1
    assert "is there already" in capsys.readouterr().err


def test_command_of_a_class_conditional_model(tmp_path: Path) -> None:
    source, target = tmp_path / "adm.pt", tmp_path / "converted.safetensors"
    torch.save(random_adm([32, 64], 1, [False, True], classes=3), source)
    options = ["--num-head-channels", "16", "--new-attention-order", "--class-label", "1"]
    assert main(["convert-prior", str(source), str(target), *options]) == 0
    read = GuidedDiffusionPrior(source, num_head_channels=16, new_attention_order=True, class_label=1)
    x, t = torch.randn(1, 3, 16, 16), torch.tensor([50])
    with torch.no_grad():
        assert torch.equal(open_prior(target)(x, t), read(x, t))


def test_a_diffusers_folder_takes_no_options_of_openais(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["convert-prior", str(tmp_path), str(tmp_path / "out.safetensors"), "--num-heads", "2"]) == 1
    assert "a diffusers folder describes itself; leave out --num-heads" in capsys.readouterr().err


def test_nothing_is_overwritten_and_the_suffix_is_asked_for(openai: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="is there already"):
        convert_prior(openai, tmp_path / "mine.safetensors")
    assert (tmp_path / "mine.safetensors").read_bytes() == b"mine"
    with pytest.raises(ValueError, match=r"must end in \.safetensors"):
        convert_prior(openai, tmp_path / "converted.pt")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        convert_prior(tmp_path / "nowhere.pt", tmp_path / "converted.safetensors")


def test_monai_file(tmp_path: Path) -> None:
    network = DiffusionModelUNet(**TINY)
    header = {"kind": "monai", "architecture": TINY, "prediction_type": "v_prediction"}
    write_prior_file(tmp_path / "p.safetensors", network.state_dict(), header | {"channels": "1", "unshuffle": "2"})
    prior = open_prior(tmp_path / "p.safetensors")
    assert isinstance(prior, UNetPrior) and prior.prediction_type == "v_prediction" and prior.spatial_multiple == 4
    for key, weight in network.state_dict().items():
        assert torch.equal(prior.network.state_dict()[key], weight)


def test_header_round_trip_and_foreign_files(tmp_path: Path) -> None:
    header = {"kind": "monai", "architecture": {"channels": [1, 2]}, "alphas_cumprod": [0.1, 1 / 3]}
    write_prior_file(tmp_path / "a.safetensors", {"w": torch.ones(2, dtype=torch.float64)}, header)
    assert read_header(tmp_path / "a.safetensors") == header
    save_file({"w": torch.ones(2)}, tmp_path / "b.safetensors")
    assert read_header(tmp_path / "b.safetensors") == {}
    with pytest.raises(ValueError, match=r"b\.safetensors: does not say of which architecture"):
        open_prior(tmp_path / "b.safetensors")
    (tmp_path / "c.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"c\.safetensors: not a readable"):
        open_prior(tmp_path / "c.safetensors")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_prior(tmp_path / "nowhere.safetensors")
