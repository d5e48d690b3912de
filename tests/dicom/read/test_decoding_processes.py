# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Several processes decode what one would, with the same values, errors and warnings."""

from __future__ import annotations

import multiprocessing
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless

from monai_ddfm.dicom.read import decoding_processes
from monai_ddfm.dicom.read.find_instances import Instance, find_instances
from monai_ddfm.dicom.read.pixels import read_pixels
from monai_ddfm.dicom.read.slices import slices_of


def read(paths):
    return read_pixels([one for instance in find_instances(paths) for one in slices_of(instance)])


@pytest.fixture
def series(make_series, monkeypatch) -> list[Path]:
    """Six small slices in JPEG 2000, of which two processes are to pay."""
    paths = make_series(count=6, rows=40, columns=36)
    for path in paths:
        dataset = dcmread(path)
        dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
        dataset.save_as(path)
    monkeypatch.setattr(decoding_processes, "_PAYS_FROM", 0)
    monkeypatch.setattr(decoding_processes.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield paths
    torch.set_num_threads(threads)


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen]:
    """The processes that were started."""
    processes, popen = [], subprocess.Popen

    def start(*args, **kwargs):
        processes.append(popen(*args, **kwargs))
        return processes[-1]

    monkeypatch.setattr(decoding_processes.subprocess, "Popen", start)
    return processes


def serially(paths, monkeypatch):
    with monkeypatch.context() as alone:
        alone.setattr(decoding_processes, "_processes", lambda instances: 0)
        return read(paths)


def test_two_processes_give_the_same_values_and_end(series, started, monkeypatch) -> None:
    expected = serially(series, monkeypatch)
    assert not started
    here: list[str] = []
    monkeypatch.setattr(decoding_processes, "stored_values", here.append)
    np.testing.assert_array_equal(read(series), expected)
    assert len(started) == 2 and not here
    assert all(process.poll() is not None for process in started)


def test_the_first_damaged_file_is_named(series, started, monkeypatch) -> None:
    for damaged in (series[2], series[4]):
        dataset = dcmread(damaged)
        dataset.PixelData = encapsulate([b"\xff" * 64])
        dataset.save_as(damaged)
    with pytest.raises(ValueError) as alone:
        serially(series, monkeypatch)
    with pytest.raises(ValueError, match=r"002\.dcm: the pixel data are truncated or corrupt") as together:
        read(series)
    messages = [re.sub("0x[0-9a-f]+", "", str(error.value)) for error in (alone, together)]
    assert messages[0] == messages[1]
    assert len(started) == 2 and all(process.poll() is not None for process in started)


def test_processes_that_die_are_replaced_by_this_one(series, monkeypatch) -> None:
    expected = serially(series, monkeypatch)
    monkeypatch.setattr(decoding_processes, "_PROGRAM", "raise SystemExit(3)")
    np.testing.assert_array_equal(read(series), expected)


def test_where_no_process_starts_this_one_decodes(series, monkeypatch) -> None:
    expected = serially(series, monkeypatch)
    monkeypatch.setattr(decoding_processes.sys, "executable", "/nowhere/python")
    np.testing.assert_array_equal(read(series), expected)


def test_warnings_of_the_processes_are_said(series, started, monkeypatch) -> None:
    warner = "import warnings, monai_ddfm.dicom.read.stored_values as at; old = at.stored_values; "
    warner += "at.stored_values = lambda path: (warnings.warn('odd bits in ' + path[-7:]), old(path))[1]; "
    program = decoding_processes._PROGRAM.replace("from monai", warner + "from monai")
    monkeypatch.setattr(decoding_processes, "_PROGRAM", program)
    with pytest.warns(UserWarning, match=r"odd bits in 003\.dcm"):
        read(series)


def test_little_data_one_thread_and_rle_stay_here(series, started, make_series, monkeypatch) -> None:
    instances = find_instances(series)
    assert decoding_processes._processes(instances) == 2
    monkeypatch.setattr(decoding_processes, "_PAYS_FROM", 1 << 20)
    assert decoding_processes._processes(instances) == 0
    monkeypatch.setattr(decoding_processes, "_PAYS_FROM", 0)
    torch.set_num_threads(1)
    assert decoding_processes._processes(instances) == 0
    torch.set_num_threads(2)
    for instance in instances:
        instance.header.file_meta.TransferSyntaxUID = RLELossless
    assert decoding_processes._processes(instances) == 0


def test_a_worker_among_others_starts_none(series) -> None:
    context = multiprocessing.get_context("spawn")
    counts = context.Queue()
    worker = context.Process(target=count_in_worker, args=(counts, [str(path) for path in series]), daemon=True)
    worker.start()
    assert counts.get(timeout=60) == (0, 6)
    worker.join()


def count_in_worker(counts, paths: list[str]) -> None:
    decoding_processes._PAYS_FROM = 0
    torch.set_num_threads(2)
    instances: list[Instance] = find_instances(paths)
    counts.put((decoding_processes._processes(instances), read(paths).shape[-1]))


def test_a_program_without_a_guard_runs_once(series, tmp_path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "print('once')\nimport torch\ntorch.set_num_threads(2)\n"
        "from monai_ddfm.dicom.read import decoding_processes\ndecoding_processes._PAYS_FROM = 0\n"
        "from monai_ddfm.dicom.read.reader import read_series\n"
        f"print(read_series({str(series[0].parent)!r}).shape)\n"
    )
    said = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True).stdout
    assert said.split("\n")[:2] == ["once", "torch.Size([1, 36, 40, 6])"]
