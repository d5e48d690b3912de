# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import threading
import time

import pytest
import torch

from monai_ddfm.cohort import RunLog, WriteBehind


def begun(run_log: RunLog, *cases: str) -> RunLog:
    for case in cases:
        run_log.begin(case, "fuse")
    return run_log


def test_the_next_case_goes_on_while_one_is_written():
    run_log, may_write = begun(RunLog(), "a"), threading.Event()
    writer = WriteBehind(lambda data: may_write.wait(10.0), run_log)
    data = {"case": "a", "pred": torch.zeros(2)}
    assert writer(data) is data
    assert run_log.outcomes == []  # handed over, not yet written
    may_write.set()
    writer.wait()
    (outcome,) = run_log.outcomes
    assert outcome["status"] == "finished"
    assert set(outcome["seconds"]) == {"fuse", "write"}


def test_at_most_one_case_waits():
    run_log, written = begun(RunLog(), *"abc"), []

    def write(data):
        time.sleep(0.05)
        written.append(data["case"])

    writer = WriteBehind(write, run_log)
    for number, case in enumerate("abc"):
        writer({"case": case})
        assert written == list("abc")[:number]
    writer.wait()
    assert written == list("abc")


def test_a_failed_write_is_noted_and_the_next_goes_on():
    run_log = begun(RunLog(), "a", "b")

    def write(data):
        if data["case"] == "a":
            raise PermissionError("out: no permission")

    writer = WriteBehind(write, run_log)
    writer({"case": "a"})
    writer({"case": "b"})
    writer.wait()
    assert [(o["case"], o["status"]) for o in run_log.outcomes] == [("a", "failed"), ("b", "finished")]
    assert run_log.outcomes[0]["reason"] == "PermissionError: out: no permission"


@pytest.mark.gpu
def test_images_are_written_from_the_host():
    seen: list[object] = []
    writer = WriteBehind(seen.append, begun(RunLog(), "a"))
    writer({"case": "a", "pred": torch.ones(3, device="cuda")})
    writer.wait()
    assert seen[0]["pred"].device == torch.device("cpu")
