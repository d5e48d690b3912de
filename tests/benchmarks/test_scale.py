# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import pytest

pytest.importorskip("simpy")

from scale import Cohort, Stages, efficiency, measured_stages, plot, simulate, where_it_ends


def test_one_worker_overlaps_loading_and_writing_with_fusing():
    cases = [Stages(load=2.0, fuse=10.0, write=3.0)] * 4
    assert Cohort(cases, streams=4, startup=5.0).seconds(1) == 5.0 + 2.0 + 4 * 10.0 + 3.0


def test_slow_storage_holds_all_workers():
    cases = [Stages(load=10.0, fuse=1.0, write=0.0)] * 8
    assert Cohort(cases, streams=1, startup=0.0).seconds(8) == pytest.approx(81.0)
    assert Cohort(cases, streams=8, startup=0.0).seconds(8) == pytest.approx(11.0)


def test_a_large_case_does_not_hold_the_one_loaded_behind_it():
    cases = [Stages(1.0, 100.0, 0.0), *[Stages(1.0, 10.0, 0.0)] * 5]
    assert Cohort(cases, streams=4, startup=0.0).seconds(2) == pytest.approx(101.0, abs=3.0)


def test_no_schedule_beats_its_bounds():
    cases = [Stages(1.0 + n % 3, 5.0 + n, 2.0) for n in range(20)]
    for workers in (1, 3, 8, 40):
        seconds = Cohort(cases, streams=4, startup=3.0).seconds(workers)
        assert seconds >= 3.0 + sum(case.fuse for case in cases) / workers
        assert seconds >= 3.0 + sum(cases[-1])
        assert seconds >= sum(case.load + case.write for case in cases) / 4


@pytest.mark.parametrize(
    ("stages", "streams", "startup", "cause"),
    [
        (Stages(1.0, 60.0, 1.0), 64, 1.0, "a case cannot be shared out"),
        (Stages(20.0, 30.0, 1.0), 2, 1.0, "the storage"),
        (Stages(0.1, 4.0, 0.1), 64, 90.0, "starting the workers"),
    ],
)
def test_where_it_stops_being_linear_is_said(stages, streams, startup, cause):
    cases = [stages] * 48
    seconds = simulate(cases, [36], streams, startup)
    told = where_it_ends(cases, seconds, streams, startup)
    assert "from 36 workers on" in told
    assert cause in told


def test_enough_work_is_linear():
    cases = [Stages(1.0, 60.0, 1.0)] * 64
    assert "Linear, to 90 %, up to 4 workers" in where_it_ends(cases, simulate(cases, [2, 4], 8, 1.0), 8, 1.0)


def test_the_table_and_the_plot_have_every_number_of_workers(tmp_path):
    seconds = {1: 100.0, 4: 50.0}
    assert efficiency(seconds).splitlines()[2:] == ["| 1 | 100 | 1.0 | 100 |", "| 4 | 50 | 2.0 | 50 |"]
    plot(seconds, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").stat().st_size > 1000


def test_stages_come_from_a_summary(tmp_path):
    finished = {"case": "a", "status": "finished", "seconds": {"load": 1.0, "fuse": 2.0, "write": 3.0}}
    kept = {"case": "b", "status": "kept", "seconds": {"load": 0.1}}
    path = tmp_path / "summary.json"
    path.write_text(json.dumps({"cases": [finished, kept]}))
    assert measured_stages(path) == [Stages(1.0, 2.0, 3.0)]
    path.write_text(json.dumps({"cases": [kept]}))
    with pytest.raises(ValueError, match="no case was finished"):
        measured_stages(path)
