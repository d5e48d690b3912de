# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_ddfm.cohort.work_queue import WorkQueue, bytes_of_case
from tests.cohort.shared_count import workers


@pytest.fixture
def cases(tmp_path: Path) -> list[dict[str, str]]:
    sizes = [30, 10, 50, 20, 40]
    paths = [tmp_path / f"{number}.nii" for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(bytes(size))
    return [{"case": path.stem, "MR": str(path)} for path in paths]


def test_the_largest_comes_first(cases):
    (alone,) = workers(1)
    work_queue = WorkQueue(cases, ["MR"], alone)
    assert [work_queue.next_to_load() for _ in range(6)] == [2, 4, 0, 3, 1, None]


def test_a_folder_counts_all_its_files_and_a_missing_one_nothing(cases, tmp_path):
    assert bytes_of_case({"case": "all", "MR": str(tmp_path), "PET": str(tmp_path / "none")}, ["MR", "PET"]) == 150
    assert bytes_of_case({"case": "faulty"}, ["MR"]) == 0


def test_a_case_is_taken_once(cases):
    first, second = (WorkQueue(cases, ["MR"], worker) for worker in workers(2))
    assert first.take(3)
    assert not second.take(3)
    assert not first.take(3)


def test_a_case_loaded_by_a_busy_process_goes_to_an_idle_one(cases):
    busy, idle = (WorkQueue(cases, ["MR"], worker) for worker in workers(2))
    assert busy.take_next() == 2
    waiting = busy.next_to_load()
    assert waiting == 4
    assert [idle.take_next() for _ in range(5)] == [0, 3, 1, waiting, None]
    assert not busy.take(waiting)


@given(st.integers(1, 4), st.integers(0, 7), st.lists(st.integers(0, 3), max_size=40))
def test_whoever_is_next_every_case_is_done_once(count, case_count, turns):
    cases = [{"case": str(number)} for number in range(case_count)]
    work_queue = [WorkQueue(cases, [], worker) for worker in workers(count)]
    ahead: list[int | None] = [None] * count
    done = []
    for turn in [*(turn % count for turn in turns), *(list(range(count)) * (case_count + 1))]:
        index = ahead[turn]
        if index is None or not work_queue[turn].take(index):
            index = work_queue[turn].take_next()
        ahead[turn] = work_queue[turn].next_to_load()
        done += [] if index is None else [index]
    assert sorted(done) == list(range(case_count))
