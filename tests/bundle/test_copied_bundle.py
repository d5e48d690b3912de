# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A bundle that was copied, as from a model zoo: it runs on its own weights, presets and example."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from monai_ddfm.bundle import BUNDLE_ROOT, WEIGHTS
from monai_ddfm.priors import open_prior
from tests.tiny_unet import write_tiny_prior


@pytest.fixture
def copied(tmp_path: Path, example_case: Path) -> Path:
    """The bundle alone in an empty folder, with a small example and other weights."""
    bundle = tmp_path / "zoo" / "ddfm"
    shutil.copytree(BUNDLE_ROOT, bundle, ignore=shutil.ignore_patterns("example", "*.safetensors", "*.png"))
    shutil.copytree(example_case, bundle / "example" / "sts_010")
    (bundle / WEIGHTS).parent.mkdir(exist_ok=True)
    write_tiny_prior(bundle / WEIGHTS)
    return bundle


def run(bundle: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """MONAI's runner, from the bundle's folder, as the zoo's documents have it."""
    configs = ["configs/inference.yaml", "configs/presets/mri_pet.yaml"]
    command = [
        sys.executable,
        "-m",
        "monai.bundle",
        "run",
        "--config_file",
        str(configs),
        "--progress",
        "False",
        *words,
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run([*command, *words], capture_output=True, text=True, check=False, cwd=bundle, env=environment)


def test_its_own_weights_and_example(copied: Path) -> None:
    ended = run(copied)
    assert ended.returncode == 0, ended.stderr
    record = json.loads((copied / "output" / "sts_010.json").read_text())
    assert record["parts"]["prior"] == open_prior(copied / WEIGHTS).fingerprint()
    assert record["parts"]["prior"] != open_prior(BUNDLE_ROOT / WEIGHTS).fingerprint()
    assert record["inputs"]["MR"]["path"].startswith(str(copied))


def test_without_its_weights_it_fails(copied: Path) -> None:
    (copied / WEIGHTS).unlink()
    ended = run(copied)
    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1] == f"monai_ddfm: FileNotFoundError: {copied / WEIGHTS}: no such weights file"
    assert not list((copied / "output").glob("*fused*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--stepps", "9"), "no setting 'stepps'; did you mean 'steps'?"),
        (("--overwrite", "no"), "overwrite: found 'no', expected true or false"),
        (("--windows", "{'NOPE': [0, 1]}"), "no source in windows named 'NOPE'; there are MR, PET"),
    ],
)
def test_settings_are_checked_as_at_every_door(copied: Path, words: tuple[str, ...], said: str) -> None:
    ended = run(copied, *words)
    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1] == f"monai_ddfm: ValueError: {said}"
    assert not list((copied / "output").glob("*fused*"))
