# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every bad answer of an archive is seen through, or refused in one line, in bounded time and memory."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
import pytest

from monai_ddfm.__main__ import parse_arguments
from monai_ddfm.commands import fuse_files
from monai_ddfm.commands.dicomweb import archive_at, store_results
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from tests.dicom.archive.ailing_archive import Answer, ailing_archive
from tests.robustness.corpus.archive_answers import bad_answers, bad_answers_to_a_fetch, bad_answers_to_a_store
from tests.robustness.corpus.verdict import met_whole, require_right
from tests.robustness.corpus.whole_archive import STUDY, files_of, whole_archive

Door = Callable[[dict[str, Answer]], np.ndarray]
WORDS = ["--study", STUDY, "--anchor", "MR", "--source", "PT", "--device", "cpu", "-q"]


@contextmanager
def archive_with(answers: dict[str, Answer]) -> Iterator[str]:
    """An archive that is as it should be but for these answers; yields its address."""
    with ailing_archive({route: [one] for route, one in {**whole_archive(), **answers}.items()}) as url:
        yield url


def pixels_in(folder: Path) -> list[np.ndarray]:
    """The stored values of a series' slices."""
    slices = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda one: one.ImagePositionPatient[2])
    return [np.frombuffer(one.PixelData, np.uint8) for one in slices]


def write_results(config: FusionConfig, case: str) -> None:
    """Slices that stand in for the results of a fusion."""
    folder = Path(config.results.output_dir) / f"{case}_fused"
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(files_of("CT")):
        (folder / f"{number}.dcm").write_bytes(content)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made, in which nothing is left; nobody waits, and little is much."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("monai_ddfm.dicom.archive.retries.time.sleep", lambda seconds: None)
    monkeypatch.setattr("monai_ddfm.dicom.archive.bounded_answer.LARGEST_JSON", 1 << 20)
    (folder := tmp_path / "temporary" / "folder").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list((tmp_path / "temporary").rglob("*")) == [folder]


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    """The command, which fetches, and stores; instead of being fused the sources are noted."""
    fetched: list[np.ndarray] = []
    pipelines: list[FusionPipeline] = []

    def note(options: Namespace, images: list[Path], case: str) -> tuple[FusionPipeline, str]:
        config, _ = fuse_files.case_of(options, images, case)
        fetched[:] = [pixels for image in images for pixels in pixels_in(image)]
        write_results(config, case)
        if not pipelines:  # the settings are the same for all
            pipelines.append(FusionPipeline(config))
        return pipelines[0], case

    monkeypatch.setattr(fuse_files, "_fuse", note)

    def run(answers: dict[str, Answer]) -> np.ndarray:
        with archive_with(answers) as url:
            options = parse_arguments(["fuse", "--dicomweb", url, *WORDS, "-o", str(tmp_path / "out")])
            options.run(options)
        return np.concatenate(fetched)

    return run


def test_archive_answers(door: Door, tmp_path: Path) -> None:
    require_right(bad_answers(), door, *met_whole(door, {}), tmp_path)


def test_archive_answers_to_a_fetch(door: Door, tmp_path: Path) -> None:
    require_right(bad_answers_to_a_fetch(), door, *met_whole(door, {}), tmp_path)


def test_archive_answers_to_a_store(tmp_path: Path) -> None:
    """What the command does after a fusion."""
    config = FusionConfig.of(output_dir=tmp_path / "out", output_format="dicom")
    write_results(config, STUDY)

    def store(answers: dict[str, Answer]) -> np.ndarray:
        with archive_with(answers) as url:
            return np.array(store_results(archive_at(url), config, STUDY))

    require_right(bad_answers_to_a_store(), store, *met_whole(store, {}), tmp_path)
