# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from tests.cohort.small_cohort import (
    fused_voxels,
    make_cases,
    quick_processes,
    run_announced,
    run_small,
    run_until_the_first_result,
)

KILLS = 20


def begin(cases: Path, output_dir: Path):
    """Start a run in a process of its own; returns when its work begins."""
    processes = quick_processes()
    begun = processes.Event()
    process = processes.Process(target=run_announced, args=(cases, output_dir, begun))
    process.start()
    assert begun.wait(120.0)
    return process


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory) -> tuple[Path, dict[str, bytes], float]:
    """Cases, their fused voxels by a run that nobody disturbed, and its seconds."""
    folder = tmp_path_factory.mktemp("cohort")
    cases = make_cases(folder / "cases", 4)
    process = begin(cases, folder / "whole")
    begun = time.perf_counter()
    process.join()
    assert process.exitcode == 0
    return cases, fused_voxels(folder / "whole"), time.perf_counter() - begun


def require_whole(output_dir: Path, expected: dict[str, bytes]) -> None:
    """Every file under a final name can be read to its end, and holds what an undisturbed run writes."""
    for path in output_dir.iterdir() if output_dir.is_dir() else []:
        if path.name.startswith("."):  # what it was writing, and its lock
            continue
        if path.name in expected:
            assert np.asarray(nibabel.load(path).dataobj).tobytes() == expected[path.name]
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".html":
            assert path.read_text().endswith("</html>")
        elif path.suffix == ".png":
            Image.open(path).load()
        else:
            np.asarray(nibabel.load(path).dataobj)


def test_killed_at_any_moment_it_goes_on_where_it_was(whole_run, tmp_path):
    cases, expected, seconds = whole_run
    chance, killed, finished_before, round_number = random.Random(0), 0, 0, 0
    while killed < KILLS:
        output_dir = tmp_path / f"out_{round_number}"
        process = begin(cases, output_dir)
        process.join(chance.random() * seconds)
        process.kill()
        process.join()
        killed += process.exitcode != 0
        require_whole(output_dir, expected)
        now_finished = len(fused_voxels(output_dir))
        assert now_finished >= finished_before  # nothing finished is lost
        finished_before = now_finished
        if process.exitcode == 0:  # nothing left to kill: begin anew
            assert fused_voxels(output_dir) == expected
            assert not list(output_dir.glob(".*"))
            round_number, finished_before = round_number + 1, 0
    run_small(cases, output_dir)
    assert fused_voxels(output_dir) == expected
    assert not list(output_dir.glob(".*"))
    summary = json.loads((output_dir / "summary.json").read_text())
    assert summary["complete"]
    assert summary["finished"] + summary["kept"] == 4


def test_a_killed_run_leaves_a_summary_that_says_so(whole_run, tmp_path):
    cases, _, _ = whole_run
    process = quick_processes().Process(target=run_until_the_first_result, args=(cases, tmp_path / "out"))
    process.start()
    process.join(120.0)
    assert process.exitcode == -signal.SIGKILL
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert not summary["complete"]
    assert len(summary["pending"]) == 4
