# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every stage of a fusion is timed, in the record and in the summary."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from monai_ddfm.__main__ import main
from monai_ddfm.stages import Stage, StageClock, stages_of

STAGES = [
    "reading",
    "registration check",
    "measuring noise",
    "matching",
    "normalising",
    "recording",
    "cleaning",
    "fusing",
    "maps",
    "colouring",
    "preview",
    "restoring",
    "writing",
    "facts",
    "report",
]


def busy(seconds: float) -> None:
    begun = time.thread_time()  # other threads may be busy, too
    while time.thread_time() < begun + seconds:
        pass


def test_stages_add_up_and_what_is_inside_is_part_of_the_outer_one() -> None:
    clock = StageClock()
    with clock("a"):
        busy(0.02)
        with clock("b"):
            busy(0.02)
    with clock("a"):
        time.sleep(0.03)
    assert list(clock.notes) == ["a"]
    assert 0.07 <= clock.notes["a"]["seconds"] < 0.5
    assert 0.04 <= clock.notes["a"]["processor"]
    assert clock.notes["a"]["peak_mib"] > 10.0


def test_steps_of_one_stage_are_noted_on_the_data() -> None:
    stage = Stage("b", lambda data: {**data, "x": torch.ones(2)}, lambda data: {**data, "x": data["x"] + 1})
    data = stage(Stage("a", dict)({}))
    assert data["x"].tolist() == [2.0, 2.0]
    assert list(stages_of(data)) == ["a", "b"]


def test_a_run_says_what_each_stage_took(example_case: Path, tmp_path: Path) -> None:
    images = [str(example_case / name) for name in ("MR_T1.nii.gz", "PET.nii.gz")]
    settings = ["--set", "summary", "auto", "--set", "denoise_sources", "true", "--maps", "provenance", "--quiet"]
    begun = time.perf_counter()
    assert main(["fuse", *images, "-o", str(tmp_path), "--device", "cpu", *settings]) == 0
    whole = time.perf_counter() - begun
    record = json.loads((tmp_path / "MR_T1.json").read_text())
    assert sorted(record["stages"]) == sorted(STAGES)
    (case,) = json.loads((tmp_path / "summary.json").read_text())["cases"]
    assert case["stages"] == record["stages"]
    assert all(set(note) == {"seconds", "processor", "peak_mib"} for note in case["stages"].values())
    assert sum(note["seconds"] for note in case["stages"].values()) < whole
    assert sum(note["seconds"] for note in case["stages"].values()) == pytest.approx(
        sum(case["seconds"].values()), rel=0.3
    )
