# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import errno
import json
import time

import pytest

from monai_ddfm.cohort import RunLog, write_summary


def test_only_cases_whose_end_is_known_have_an_outcome():
    run_log = RunLog(rank=3)
    with run_log.timed("a", "load"):
        time.sleep(0.02)
    assert run_log.outcomes == []
    run_log.finished("a")
    (outcome,) = run_log.outcomes
    assert (outcome["case"], outcome["status"], outcome["reason"], outcome["rank"]) == ("a", "finished", None, 3)
    assert 0.02 <= outcome["seconds"]["load"] < 2.0


def test_the_reason_of_a_failure_is_the_first_error():
    run_log = RunLog()
    try:
        try:
            raise ValueError("p.nii.gz: truncated")
        except ValueError as error:
            raise RuntimeError("applying transform ReadSourced") from error
    except RuntimeError as error:
        run_log.failed("p", error)
    assert run_log.outcomes[0]["reason"] == "ValueError: p.nii.gz: truncated"
    assert run_log.errors["p"].__traceback__ is None
    assert not run_log.no_room


def test_a_full_disk_is_known_as_such():
    run_log = RunLog()
    run_log.failed("p", OSError(errno.ENOSPC, "no space left", "p_fused.nii.gz"))
    assert run_log.no_room


def test_the_summary_says_what_became_of_each(tmp_path):
    first, second = RunLog(0), RunLog(1)
    first.finished("c")
    first.kept("a")
    second.failed("b", ValueError("empty"))
    write_summary(tmp_path / "summary.json", list("abcd"), first.outcomes + second.outcomes, 2, 1.23456)
    content = json.loads((tmp_path / "summary.json").read_text())
    assert content["complete"]
    assert (content["finished"], content["kept"], content["failed"], content["pending"]) == (1, 1, 1, ["d"])
    assert (content["processes"], content["seconds"]) == (2, 1.235)
    assert [case["case"] for case in content["cases"]] == ["a", "b", "c"]
    assert content["cases"][1] == {
        "case": "b",
        "status": "failed",
        "reason": "ValueError: empty",
        "rank": 1,
        "seconds": {},
        "warnings": [],
    }


@pytest.mark.parametrize("content", ["[]", '{"mine": 1}', "not JSON"])
def test_another_file_of_that_name_is_kept(tmp_path, content):
    path = tmp_path / "summary.json"
    path.write_text(content)
    with pytest.raises(FileExistsError, match="is kept"):
        write_summary(path, [], [])
    assert path.read_text() == content


def test_the_summary_of_the_run_before_is_replaced(tmp_path):
    path = tmp_path / "summary.json"
    write_summary(path, ["a"], [], complete=False)
    write_summary(path, ["a", "b"], [])
    assert json.loads(path.read_text())["pending"] == ["a", "b"]
