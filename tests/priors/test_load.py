# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Weights from files: good ones, and every kind of bad one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from monai_ddfm.priors import UNetPrior, load_state, load_weights
from tests.tiny_unet import tiny_unet


def layer(value: float = 0.0) -> nn.Linear:
    linear = nn.Linear(2, 3)
    nn.init.constant_(linear.weight, value)
    return linear


@pytest.mark.parametrize("nested", [None, "state_dict", "model", "network"])
def test_torch_file(tmp_path: Path, nested: str | None) -> None:
    state = layer(0.5).state_dict()
    torch.save({nested: state, "epoch": 3} if nested else state, tmp_path / "prior.pt")
    network = layer()
    load_weights(network, tmp_path / "prior.pt")
    assert network.weight.eq(0.5).all()


def test_safetensors(tmp_path: Path) -> None:
    save_file(tiny_unet(seed=3).state_dict(), tmp_path / "prior.safetensors")
    prior = UNetPrior(tiny_unet(seed=4), weights=tmp_path / "prior.safetensors")
    for name, weight in tiny_unet(seed=3).state_dict().items():
        assert torch.equal(prior.network.state_dict()[name], weight)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors: no such weights file"):
        load_state(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("name", ["prior.safetensors", "prior.pt"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", None])
def test_corrupt_file(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is None:  # cut short in the middle of a copy
        torch.save(layer().state_dict(), path) if name.endswith(".pt") else save_file(layer().state_dict(), path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: (not a readable weights file|refused)"):
        load_state(path)


class RunsCode:
    """What a malicious checkpoint holds."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("made_by_checkpoint",)


def test_checkpoint_with_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": RunsCode()}, "prior.pt")
    with pytest.raises(ValueError, match=r"prior\.pt: refused, .* could run code; .* ask its author for a safetensors"):
        load_state("prior.pt")
    assert not Path("made_by_checkpoint").exists()


@pytest.mark.parametrize("content", [[torch.zeros(2)], {}, {"lr": 0.1}, torch.zeros(3)])
def test_file_without_state_dict(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "prior.pt")
    with pytest.raises(ValueError, match=r"prior\.pt: expected a state dict of tensors, found"):
        load_state(tmp_path / "prior.pt")


def test_other_architecture_is_described(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(5, 2), "scale": torch.zeros(1)}, tmp_path / "prior.safetensors")
    network = layer(0.25)
    with pytest.raises(ValueError, match="weights of another architecture than the Linear here") as error:
        load_weights(network, tmp_path / "prior.safetensors")
    for part in (
        "prior.safetensors",
        "1 missing (bias)",
        "1 extra (scale)",
        "1 of another shape (weight (5, 2) instead of (3, 2))",
        "give the network_def that these weights were trained with",
    ):
        assert part in str(error.value)
    assert network.weight.eq(0.25).all()  # untouched


def test_long_lists_are_cut(tmp_path: Path) -> None:
    save_file(layer().state_dict(), tmp_path / "prior.safetensors")
    with pytest.raises(ValueError, match=r"\d+ missing \([^)]*, \.\.\.\)") as error:
        UNetPrior(tiny_unet(), weights=tmp_path / "prior.safetensors")
    assert len(str(error.value)) < 800
