# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every bad answer of an archive is seen through, or refused in one line, in bounded time and memory."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from monai_ddfm.__main__ import parse_arguments
from monai_ddfm.commands import fuse_files
from monai_ddfm.pipeline import FusionPipeline
from tests.dicom.archive.ailing_archive import Answer, ailing_archive
from tests.robustness.corpus.archive_answers import bad_answers, bad_answers_to_a_fetch, bad_answers_to_a_store
from tests.robustness.corpus.verdict import met_whole, require_right
from tests.robustness.corpus.whole_archive import STUDY, files_of, whole_archive

Door = Callable[[dict[str, Answer]], np.ndarray]
WORDS = ["--study", STUDY, "--anchor", "MR", "--source", "PT", "--device", "cpu", "-q"]


def pixels_in(folder: Path) -> list[np.ndarray]:
    """The stored values of a series' slices."""
    slices = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda one: one.ImagePositionPatient[2])
    return [np.frombuffer(one.PixelData, np.uint8) for one in slices]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What the command has fetched; instead of being fused it is noted here, and files stand in for the results."""
    noted: list[np.ndarray] = []
    pipelines: list[FusionPipeline] = []

    def note(options: Namespace, images: list[Path], case: str) -> tuple[FusionPipeline, str]:
        config, _ = fuse_files.case_of(options, images, case)
        noted[:] = [pixels for image in images for pixels in pixels_in(image)]
        results = Path(config.results.output_dir) / f"{case}_fused"
        results.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(files_of("CT")):
            (results / f"{number}.dcm").write_bytes(content)
        if not pipelines:  # the settings are the same for all
            pipelines.append(FusionPipeline(config))
        return pipelines[0], case

    monkeypatch.setattr(fuse_files, "_fuse", note)
    return noted


@pytest.fixture
def door(tmp_path: Path, fetched: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """The command with an archive that is as it should be but for the answers given; nothing is left behind."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("monai_ddfm.dicom.archive.retries.time.sleep", lambda seconds: None)
    monkeypatch.setattr("monai_ddfm.dicom.archive.bounded_answer.LARGEST_JSON", 1 << 20)
    (temporary := tmp_path / "temporary" / "folder").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def run(answers: dict[str, Answer]) -> np.ndarray:
        scripted = {route: [answer] for route, answer in {**whole_archive(), **answers}.items()}
        with ailing_archive(scripted) as url:
            options = parse_arguments(["fuse", "--dicomweb", url, *WORDS, "-o", str(tmp_path / "out")])
            options.run(options)
        return np.concatenate(fetched)

    yield run
    assert list((tmp_path / "temporary").rglob("*")) == [temporary]


def test_archive_answers(door: Door, tmp_path: Path) -> None:
    require_right(bad_answers(), door, *met_whole(door, {}), tmp_path)


def test_archive_answers_to_a_fetch(door: Door, tmp_path: Path) -> None:
    require_right(bad_answers_to_a_fetch(), door, *met_whole(door, {}), tmp_path)


def test_archive_answers_to_a_store(door: Door, tmp_path: Path) -> None:
    require_right(bad_answers_to_a_store(), door, *met_whole(door, {}), tmp_path)
