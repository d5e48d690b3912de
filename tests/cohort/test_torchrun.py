# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from monai_ddfm.bundle import BUNDLE_ROOT
from tests.cohort.small_cohort import NO_PRIOR, SETTINGS, fused_voxels, make_cases, run_small
from tests.free_port import free_port

CONFIGS = BUNDLE_ROOT / "configs"
WORKERS = 2

# rank 1 kills itself, without a word, when it has written its first case
DYING = {
    "+imports": ["$import os", "$import signal", "$from monai.transforms import Compose"],
    "die": "$lambda data: os.kill(os.getpid(), signal.SIGKILL) "
    "if (os.environ['RANK'], os.environ['TORCHELASTIC_RESTART_COUNT']) == ('1', '0') else data",
    "+initialize": ["$setattr(@cohort.postprocessing, 'transform', Compose([@cohort.postprocessing.transform, @die]))"],
}


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def torchrun_command(folder: Path, cases: Path, *options: str, overlay: dict | None = None) -> list[str]:
    """The command that fuses `cases` to ``folder/out`` with processes of the bundle, as a user gives it."""
    (folder / "small.yaml").write_text(yaml.safe_dump({**SETTINGS, **NO_PRIOR, **(overlay or {})}))
    files = [CONFIGS / "inference.yaml", CONFIGS / "multi_gpu_inference.yaml", folder / "small.yaml"]
    command = [sys.executable, "-m", "torch.distributed.run", *options]
    command += ["-m", "monai.bundle", "run", "--config_file", str([str(file) for file in files])]
    command += ["--meta_file", str(CONFIGS / "metadata.json"), "--logging_file", str(CONFIGS / "logging.conf")]
    return [*command, "--dataset_dir", str(cases), "--output_dir", str(folder / "out")]


def torchrun(folder: Path, cases: Path, *options: str, overlay: dict | None = None) -> subprocess.CompletedProcess:
    """Fuse `cases` to ``folder/out`` with two processes on one node."""
    one_node = ("--standalone", f"--nproc_per_node={WORKERS}", *options)
    command = torchrun_command(folder, cases, *one_node, overlay=overlay)
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def summary_of(folder: Path) -> dict:
    return json.loads((folder / "out" / "summary.json").read_text())


EFFORT = ("seconds", "stages", "memory")  # of a case's record: what it took, here and now


def files_of(output_dir: Path) -> dict[str, object]:
    """What the files of a run hold, but for what it took and where it lies; pages say what records do."""
    found: dict[str, object] = {}
    for path in output_dir.iterdir():
        if path.suffix == ".json" and path.name != "summary.json":
            record = json.loads(path.read_text())
            del record["settings"]["output_dir"]
            found[path.name] = {name: value for name, value in record.items() if name not in EFFORT}
        else:
            found[path.name] = path.read_bytes() if path.suffix in (".gz", ".png") else None
    return found


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cases(tmp_path_factory.mktemp("cohort") / "cases", 4)


@pytest.fixture(scope="module")
def by_one_process(cases: Path) -> dict[str, bytes]:
    run_small(cases, cases.parent / "one")
    return fused_voxels(cases.parent / "one")


def test_two_processes_give_what_one_gives_to_the_bit(cases, by_one_process, tmp_path):
    done = torchrun(tmp_path, cases)
    assert done.returncode == 0, done.stderr
    assert fused_voxels(tmp_path / "out") == by_one_process
    assert files_of(tmp_path / "out") == files_of(cases.parent / "one")
    summary = summary_of(tmp_path)
    assert (summary["finished"], summary["processes"]) == (4, 2)
    assert {case["rank"] for case in summary["cases"]} == {0, 1}


def test_two_nodes_meet_and_share_the_cases(cases, by_one_process, tmp_path):
    meeting = ["--rdzv-id=cohort", "--rdzv-backend=c10d", f"--rdzv-endpoint=localhost:{free_port()}"]
    command = torchrun_command(tmp_path, cases, "--nnodes=2", "--nproc-per-node=1", *meeting)
    nodes = [subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [node.communicate(timeout=300)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    assert fused_voxels(tmp_path / "out") == by_one_process
    assert {case["rank"] for case in summary_of(tmp_path)["cases"]} == {0, 1}


def test_a_process_that_dies_is_replaced_and_a_bad_case_told_at_the_end(by_one_process, tmp_path):
    cases = make_cases(tmp_path / "cases", 4)
    (cases / "case_0" / "PET.nii.gz").write_bytes(b"nothing")
    done = torchrun(tmp_path, cases, "--max-restarts=1", overlay=DYING)
    assert done.returncode != 0
    assert "1 of 4 cases failed: case_0" in done.stderr
    summary = summary_of(tmp_path)
    assert summary["complete"]
    assert summary["finished"] + summary["kept"] == 3
    assert summary["kept"] >= 1  # what the dead process had finished
    expected = {name: voxels for name, voxels in by_one_process.items() if not name.startswith("case_0")}
    assert fused_voxels(tmp_path / "out") == expected
