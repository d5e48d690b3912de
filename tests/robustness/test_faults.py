# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the machine does to a run: in each case one line says what to do, and the summary is true."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from tests.cohort.small_cohort import make_case, make_cases
from tests.dicom.archive.ailing_archive import ailing_archive, hang_up, instances, parts, said
from tests.dicom.shipped_study import FOLDERS, identity
from tests.robustness.faulty_runs import Ended, cohort, command, when_opened
from tests.volumes import save_nifti

MIB = 1 << 20
linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is limited as Linux does it")


def require_true(ended: Ended, output_dir: Path) -> dict[str, str]:
    """What the summary says is what is there: whole results of finished cases, a reason and no more of failed ones."""
    assert ended.summary is not None and ended.summary["complete"]
    states = {case["case"]: case["status"] for case in ended.summary["cases"]}
    for status in ("finished", "kept", "failed"):
        assert ended.summary[status] == list(states.values()).count(status)
    for case in ended.summary["cases"]:
        left = {path.name for path in output_dir.iterdir() if path.name.startswith(case["case"])}
        if case["status"] == "failed":
            assert case["reason"] and left <= {f"{case['case']}_report.html"}
        else:
            assert json.loads((output_dir / f"{case['case']}.json").read_text())["finished"]
            np.asarray(nibabel.load(output_dir / f"{case['case']}_fused.nii.gz").dataobj)
    assert not list(output_dir.glob(".*"))
    assert ended.code == (1 if "failed" in states.values() else 0)
    return states


def memory_of(room: int) -> None:
    """Leave this process so many bytes beside those that it has."""
    import resource

    status = Path("/proc/self/status").read_text().splitlines()
    held = next(int(line.split()[1]) for line in status if line.startswith("VmSize")) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (held + room, resource.RLIM_INFINITY))


@linux
@pytest.mark.parametrize("room", [20 * MIB, 40 * MIB, 64 * MIB])  # too little to load weights, to read, to fuse
def test_out_of_memory(room: int, tmp_path: Path, tiny_weights: Path) -> None:
    random = np.random.default_rng(0)
    images = [
        save_nifti(tmp_path / f"{name}.nii.gz", random.uniform(10, 900, (96, 96, 48)).astype(np.float32))
        for name in ("MR", "PET")
    ]
    options = {
        "weights": tiny_weights,
        "summary": "auto",
        "threads": 1,
        "denoise_sources": "false",
        "check_registration": "false",
    }
    words = [word for name, value in options.items() for word in ("--set", name, value)]
    ended = command(
        ["fuse", *images, "-o", tmp_path / "out", "--device", "cpu", "-q", *words],
        tmp_path / "out",
        partial(memory_of, room),
    )
    assert ended.said.count("\n") == 1
    assert "monai_ddfm: MemoryError: " in ended.said
    assert "or use a machine with more memory" in ended.said
    if ended.summary is None:  # the weights come first
        assert "tiny.safetensors: not enough memory to load them" in ended.said
        assert not list((tmp_path / "out").glob("*"))
    else:
        assert require_true(ended, tmp_path / "out") == {"MR": "failed"}


@linux
def test_a_case_too_large_for_memory_leaves_the_others(tmp_path: Path) -> None:
    cases = make_cases(tmp_path / "cases", 2)
    random = np.random.default_rng(0)
    for name in ("MR", "PET"):
        save_nifti(cases / "large" / f"{name}.nii", random.uniform(10, 900, (224, 224, 96)).astype(np.float32))
    ended = cohort(cases, tmp_path / "out", partial(memory_of, 400 * MIB), rectifier="structure", denoise_sources=False)
    assert require_true(ended, tmp_path / "out") == {"case_0": "finished", "case_1": "finished", "large": "failed"}
    assert "1 of 3 cases failed: large" in ended.said


@pytest.mark.parametrize("opened", ["case_1_fused.nii.gz", "case_1_colour.nii.gz", "case_1_report.html"])
def test_the_output_folder_is_removed(opened: str, tmp_path: Path) -> None:
    """Before anything of a case is written, after its first file, and before its last one; case 2 had been finished."""
    cases, out = make_cases(tmp_path / "cases", 3), tmp_path / "out"
    ended = cohort(cases, out, partial(when_opened, opened, partial(shutil.rmtree, out)))
    assert require_true(ended, out) == {"case_0": "finished", "case_1": "failed", "case_2": "failed"}
    assert all("removed while" in case["reason"] for case in ended.summary["cases"] if case["status"] == "failed")
    again = cohort(cases, out, partial(int))
    assert require_true(again, out) == {"case_0": "kept", "case_1": "finished", "case_2": "finished"}


def take_the_place_of(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("mine")


def test_a_file_in_place_of_the_output_folder(tmp_path: Path) -> None:
    cases, out = make_cases(tmp_path / "cases", 2), tmp_path / "out"
    ended = cohort(cases, out, partial(when_opened, "case_0_fused.nii.gz", partial(take_the_place_of, out)))
    assert ended.code == 1 and "2 of 2 cases failed" in ended.said
    assert out.read_text() == "mine"


def make_read_only(folder: Path) -> bool:
    """Lay the folder over itself, read-only, as root can; files that are open there stay as they are."""
    commands = [["mount", "--bind", folder, folder], ["mount", "-o", "remount,bind,ro", folder]]
    return all(subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0 for command in commands)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Path]:
    """An output folder that can become read-only."""
    folder = tmp_path / "out"
    folder.mkdir()
    can = make_read_only(folder)
    subprocess.run(["umount", folder], stderr=subprocess.DEVNULL, check=False)
    if not can:
        pytest.skip("only root can mount")
    yield folder
    subprocess.run(["umount", folder], stderr=subprocess.DEVNULL, check=False)


def test_a_read_only_output_folder(tmp_path: Path, guarded: Path) -> None:
    make_read_only(guarded)
    case = make_case(tmp_path / "in", 0)
    words = ["fuse", case / "MR.nii.gz", case / "PET.nii.gz", "-o", guarded, "--device", "cpu", "-q"]
    ended = command(words, guarded, partial(int))
    assert ended.code == 1 and ended.said.count("\n") == 1
    assert f"{guarded}: " in ended.said and "choose another" in ended.said
    assert not list(guarded.iterdir())


def test_an_output_folder_that_becomes_read_only(tmp_path: Path, guarded: Path) -> None:
    """Nothing can be said there any more; what stands there is still true: the run has not come to its end."""
    cases = make_cases(tmp_path / "cases", 3)
    ended = cohort(cases, guarded, partial(when_opened, "case_1_fused.nii.gz", partial(make_read_only, guarded)))
    assert ended.code == 1 and "cases failed" in ended.said
    assert ended.summary is not None and not ended.summary["complete"]
    assert len(ended.summary["pending"]) == 3
    subprocess.run(["umount", guarded], check=True)
    again = cohort(cases, guarded, partial(int))
    assert require_true(again, guarded) == {"case_0": "finished", "case_1": "finished", "case_2": "kept"}


def let_the_clock_jump() -> None:
    """A day forth and a day back, from each asking to the next."""
    true, asked = time.time, [0]

    def jumping() -> float:
        asked[0] += 1
        return true() + (-1) ** asked[0] * 86400.0

    time.time = jumping
    time.time_ns = lambda: int(jumping() * 1e9)


def durations(content: Any) -> Iterator[float]:
    """Every number of seconds in a summary or a record."""
    if isinstance(content, dict):
        for name, value in content.items():
            if isinstance(value, (int, float)) and name in ("seconds", "processor", "load", "fuse", "write"):
                yield value
            else:
                yield from durations(value)
    elif isinstance(content, list):
        for value in content:
            yield from durations(value)


def test_the_clock_jumps(tmp_path: Path) -> None:
    cases, out = make_cases(tmp_path / "cases", 2), tmp_path / "out"
    ended = cohort(cases, out, let_the_clock_jump)
    assert require_true(ended, out) == {"case_0": "finished", "case_1": "finished"}
    told = [*durations(ended.summary), *durations([json.loads((out / f"case_{n}.json").read_text()) for n in range(2)])]
    assert len(told) > 50
    assert min(told) >= 0 and max(told) < 43200


def test_an_archive_that_goes_away_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first series comes whole, the second breaks off, and nobody answers any more."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    files = {name: sorted(FOLDERS[name].glob("*.dcm")) for name in ("MR", "PT")}
    study, uids = identity("MR").study_instance_uid, {name: identity(name).series_instance_uid for name in files}
    series = [
        {"0020000E": {"vr": "UI", "Value": [uid]}, "00080060": {"vr": "CS", "Value": [name]}}
        for name, uid in uids.items()
    ]
    answers = {
        f"GET /studies/{study}/series": [said(series)],
        f"GET /series/{uids['MR']}/instances": [instances(files["MR"])],
        f"GET /series/{uids['PT']}/instances": [instances(files["PT"])],
        f"GET /series/{uids['MR']}": [parts(files["MR"])],
        f"GET /series/{uids['PT']}": [parts(files["PT"], sent=0.5), hang_up],
    }
    with ailing_archive(answers) as url:
        words = ["--study", study, "--anchor", "MR", "--source", "PT", "-o", tmp_path / "out", "--device", "cpu", "-q"]
        ended = command(["fuse", "--dicomweb", url, *words], tmp_path / "out", partial(int))
    assert ended.code == 1
    assert ended.said.splitlines()[-1].startswith("monai_ddfm: ConnectionError:")
    assert url in ended.said and "Traceback" not in ended.said
    assert not (tmp_path / "out").exists()
