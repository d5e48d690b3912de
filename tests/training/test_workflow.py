# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The training workflow of the bundle: it runs, is killed, goes on as if nothing had been, and refuses what it must."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from safetensors.torch import load_file

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.errors import reason_of
from monai_ddfm.priors import open_prior
from monai_ddfm.training import settings_difference
from tests.tiny_unet import TINY
from tests.training.volumes import write_training_folder

CONFIG = BUNDLE_ROOT / "configs" / "train.yaml"
SETTINGS = {
    "weights": "$None",  # a None would be dropped on the command line
    "architecture": TINY,
    "threads": 1,
    "crop_size": 16,
    "batch_size": 4,
    "crops_per_epoch": 16,
    "max_epochs": 3,
    "warmup_steps": 2,
    "val_interval": 2,
    "validation_persons": ["limb_b"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training_folder(tmp_path_factory.mktemp("train"))


def workflow(folder: Path, output: Path, **changes: object) -> ConfigWorkflow:
    settings = SETTINGS | {"dataset_dir": str(folder), "output_dir": str(output)} | changes
    return ConfigWorkflow(str(CONFIG), logging_file=False, workflow_type="train", **settings)


def train(folder: Path, output: Path, **changes: object) -> None:
    run = workflow(folder, output, **changes)
    try:
        run.initialize()
        run.run()
    except RuntimeError as error:  # MONAI wraps what happened while it evaluated the configuration
        raise reason_of(error) from error


@pytest.fixture(scope="module")
def uninterrupted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("uninterrupted")
    train(folder, output)
    return output


def test_has_every_property_of_a_training_bundle(folder: Path, tmp_path: Path) -> None:
    run = workflow(folder, tmp_path)
    run.initialize()
    assert run.check_properties() in ([], None)
    assert run.max_epochs == 3 and len(run.train_dataset) == 3


def test_writes_weights_that_inference_loads(uninterrupted: Path) -> None:
    assert {"last.pt", "prior.safetensors", "validation.csv", "tensorboard"} == {
        p.name for p in uninterrupted.iterdir()
    }
    prior = open_prior(uninterrupted / "prior.safetensors")
    assert prior.predict_x0(torch.zeros(1, 1, 16, 16), 50).shape == (1, 1, 16, 16)
    averaged = torch.load(uninterrupted / "last.pt", weights_only=True)["objects"]["average"]
    for key, weight in load_file(uninterrupted / "prior.safetensors").items():
        assert torch.equal(weight, averaged[f"network.{key}"])
    assert len((uninterrupted / "validation.csv").read_text().splitlines()) == 1 + 2 * 6  # CT and PET, six bins


def test_training_teaches(folder: Path, tmp_path: Path) -> None:
    losses = []
    run = workflow(folder, tmp_path, max_epochs=12, learning_rate=3e-3, val_interval=100)
    run.initialize()
    run.trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda engine: losses.append(engine.state.output[0]["loss"])
    )
    run.run()
    assert len(losses) == 48
    assert sum(losses[-8:]) < 0.8 * sum(losses[:8])


def test_killed_and_resumed_is_uninterrupted(folder: Path, uninterrupted: Path, tmp_path: Path) -> None:
    arguments = {**SETTINGS, "dataset_dir": str(folder), "output_dir": str(tmp_path)}
    options = [text for key, value in arguments.items() for text in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(CONFIG), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "last.pt").is_file():  # the first epoch is done: kill it in the second or third
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    at_kill = torch.load(tmp_path / "last.pt", weights_only=True)
    assert at_kill["epoch"] >= 1
    train(folder, tmp_path)
    whole = torch.load(uninterrupted / "last.pt", weights_only=True)
    resumed = torch.load(tmp_path / "last.pt", weights_only=True)
    assert resumed["epoch"] == whole["epoch"] == 3 and resumed["iteration"] == whole["iteration"] == 12
    for name in ("network", "average"):
        for key, weight in whole["objects"][name].items():
            assert torch.equal(resumed["objects"][name][key], weight), f"{name} {key}"
    assert (tmp_path / "validation.csv").read_text() == (uninterrupted / "validation.csv").read_text()


def test_two_processes_train_one_prior(folder: Path, tmp_path: Path) -> None:
    overlay = CONFIG.with_name("multi_gpu_train.yaml")
    arguments = {
        **SETTINGS,
        "dataset_dir": str(folder),
        "output_dir": str(tmp_path),
        "max_epochs": 1,
        "val_interval": 1,
    }
    options = [text for key, value in arguments.items() for text in (f"--{key}", str(value))]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    files = f"['{CONFIG}', '{overlay}']"
    command = [*torchrun, "-m", "monai.bundle", "run", "--config_file", files, *options]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert finished.returncode == 0, finished.stderr[-2000:]
    saved = torch.load(tmp_path / "last.pt", weights_only=True)
    assert saved["iteration"] == 2  # 16 crops, 4 in a batch, 2 processes
    assert open_prior(tmp_path / "prior.safetensors").channels == 1


def test_resumed_after_its_first_epoch_is_uninterrupted(folder: Path, uninterrupted: Path, tmp_path: Path) -> None:
    run = workflow(folder, tmp_path)
    run.initialize()
    run.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=6), lambda engine: engine.terminate())
    run.run()
    assert torch.load(tmp_path / "last.pt", weights_only=True)["epoch"] == 1
    train(folder, tmp_path)
    whole = torch.load(uninterrupted / "last.pt", weights_only=True)["objects"]
    resumed = torch.load(tmp_path / "last.pt", weights_only=True)["objects"]
    for name in ("network", "average"):
        assert all(torch.equal(resumed[name][key], weight) for key, weight in whole[name].items())
    for key, moments in whole["optimizer"]["state"].items():
        assert torch.equal(resumed["optimizer"]["state"][key]["exp_avg_sq"], moments["exp_avg_sq"])


def test_another_configuration_is_refused_with_the_difference(folder: Path, uninterrupted: Path) -> None:
    before = (uninterrupted / "last.pt").read_bytes()
    with pytest.raises(ValueError, match=r"refusing to go on.*batch_size: 4 -> 8; learning_rate: 0\.001 -> 0\.002"):
        train(folder, uninterrupted, batch_size=8, learning_rate=2e-3)
    assert (uninterrupted / "last.pt").read_bytes() == before


def test_a_damaged_checkpoint_is_refused(folder: Path, uninterrupted: Path, tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes((uninterrupted / "last.pt").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"last\.pt: not a readable checkpoint"):
        train(folder, tmp_path)


def test_an_unreadable_volume_stops_before_the_first_step(tmp_path: Path) -> None:
    folder = write_training_folder(tmp_path / "train")
    (folder / "limb_mr_t1_c.nii.gz").write_bytes(b"no volume")
    with pytest.raises(ValueError, match=r"datalist\.json: 1 of 5 .*\n.*limb_mr_t1_c"):
        train(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_difference_of_settings() -> None:
    assert settings_difference({"a": 1, "b": [1]}, {"a": 1, "b": [1]}) == []
    assert settings_difference({"a": 1, "b": 2}, {"a": 3, "c": 4}) == ["a: 1 -> 3", "b: 2 -> absent", "c: absent -> 4"]
