# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monai_ddfm.cohort import OneProcess, TorchrunProcesses
from tests.cohort.small_cohort import fused_voxels, make_case, quick_processes, run_small
from tests.free_port import free_port

WORKERS = 3


def as_torchrun(rank: int, port: int, work, *args) -> None:
    """Do `work` as process `rank` of three."""
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(WORKERS),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
    }
    work(*args)


def count_together(said) -> None:
    processes = TorchrunProcesses()
    processes.meet()
    numbers = [processes.next_number() for _ in range(5)]
    taken = [number for number in range(6) if processes.take(number)]
    processes.meet()
    known = [processes.is_taken(number) for number in range(7)]
    gathered = processes.gather({"rank": processes.rank})
    processes.leave()
    said.put((processes.rank, processes.count, numbers, taken, known, gathered))


def in_three(work, *args) -> list[int]:
    """Exit codes of three processes that do `work` together."""
    context = quick_processes()
    port = free_port()
    group = [context.Process(target=as_torchrun, args=(rank, port, work, *args)) for rank in range(WORKERS)]
    for process in group:
        process.start()
    for process in group:
        process.join()
    return [process.exitcode for process in group]


def test_one_process_counts_alone():
    alone = OneProcess()
    assert [alone.next_number() for _ in range(3)] == [0, 1, 2]
    assert (alone.take(4), alone.take(4), alone.is_taken(4), alone.is_taken(5)) == (True, False, True, False)
    assert alone.gather("mine") == ["mine"]


def test_three_processes_count_together():
    said = quick_processes().SimpleQueue()
    assert in_three(count_together, said) == [0] * WORKERS
    answers = sorted(said.get() for _ in range(WORKERS))
    assert [answer[:2] for answer in answers] == [(rank, WORKERS) for rank in range(WORKERS)]
    assert sorted(number for answer in answers for number in answer[2]) == list(range(5 * WORKERS))
    assert sorted(number for answer in answers for number in answer[3]) == list(range(6))
    for answer in answers:
        assert answer[4] == [True] * 6 + [False]
        assert answer[5] == [{"rank": rank} for rank in range(WORKERS)]


def test_more_processes_than_cases(tmp_path: Path):
    make_case(tmp_path / "only", 0)
    codes = in_three(run_small, tmp_path / "only", tmp_path / "out", ("multi_gpu_inference.yaml",))
    assert codes == [0] * WORKERS
    assert list(fused_voxels(tmp_path / "out")) == ["only_fused.nii.gz"]


def test_every_process_says_that_a_case_failed(tmp_path: Path):
    (make_case(tmp_path / "only", 0) / "PET.nii.gz").write_bytes(b"nothing")
    codes = in_three(run_small, tmp_path / "only", tmp_path / "out", ("multi_gpu_inference.yaml",))
    assert codes == [1] * WORKERS


def test_not_started_by_torchrun(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="start it with `torchrun"):
        TorchrunProcesses()
