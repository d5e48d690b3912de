# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every bad input of the corpus gets the right result, or one line that names it, in bounded time and memory."""

from __future__ import annotations

import signal
import traceback
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from monai.bundle import ConfigWorkflow

import monai_ddfm
from monai_ddfm.__main__ import parse_arguments
from monai_ddfm.bundle import config_files
from monai_ddfm.errors import reason_of
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.transforms import ReadSource
from tests.robustness.corpus.bad_input import BadInput, example_volume
from tests.robustness.corpus.dicom import bad_dicom, write_series
from tests.robustness.corpus.nifti import bad_nifti, clean_nifti
from tests.robustness.corpus.settings import bad_configurations, bad_settings

SECONDS = 10
SLACK = 4 << 20  # bytes: what imports, warnings and error messages take
PACKAGE = str(Path(monai_ddfm.__file__).parent)
FORESEEN = (ValueError, OSError, MemoryError, ImportError, TypeError)


@contextmanager
def bounded(memory: int) -> Iterator[None]:
    """Fail what hangs, or takes more than twice the memory of the clean case."""

    def hangs(*_: object) -> None:
        raise AssertionError(f"hangs for {SECONDS} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(SECONDS)
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
        assert peak <= 2 * memory + SLACK, f"took {peak >> 20} MiB, the clean case {memory >> 20}"
    finally:
        tracemalloc.stop()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fault_of_refusal(error: BaseException, named: str) -> str | None:
    """What is wrong with an error: not ours, a library's, or one that does not name what it is about."""
    reason = reason_of(error)
    if not isinstance(reason, FORESEEN):
        return f"{type(reason).__name__}: {reason}"
    raised_in = traceback.extract_tb(reason.__traceback__)[-1].filename if reason.__traceback__ else PACKAGE
    if not raised_in.startswith(PACKAGE):
        return f"raised in {raised_in}: {type(reason).__name__}: {reason}"
    return None if named in str(reason) else f"does not name {named}: {reason}"


def verdict(bad: BadInput, door: Callable[[Any], Any], folder: Path, clean: Any, memory: int) -> str | None:
    """What is wrong with how a bad input is met; None when it is right."""
    given = bad.make(folder)
    named = bad.names or Path(str(given)).name
    try:
        with bounded(memory), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = door(given)
            except AssertionError:
                raise
            except Exception as error:
                return f"refused: {reason_of(error)}" if bad.harmless else fault_of_refusal(error, named)
    except AssertionError as error:
        return str(error)
    if not bad.harmless:
        return "let in"
    return None if np.allclose(found, clean, rtol=1e-4, atol=1e-3) else "read as something else"


def met_whole(door: Callable[[Any], Any], whole: Any) -> tuple[Any, int]:
    """What the input that is as it should be gives, and the memory it takes, once all is imported."""
    door(whole)
    tracemalloc.start()
    clean = door(whole)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return clean, memory


def require_right(inputs: list[BadInput], door: Callable[[Any], Any], clean: Any, memory: int, folder: Path) -> None:
    faults = {}
    assert len({bad.name for bad in inputs}) == len(inputs)
    for number, bad in enumerate(inputs):
        place = folder / str(number)
        place.mkdir()
        if (fault := verdict(bad, door, place, clean, memory)) is not None:
            faults[bad.name] = fault[:400]
    assert not faults, f"{len(faults)} of {len(inputs)}:\n" + "\n".join(
        f"{name}: {fault}" for name, fault in faults.items()
    )


@pytest.fixture(scope="module")
def volume_door(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], np.ndarray]:
    """Reads, checks, matches and normalises an MR with a PET that is as it should be."""
    pet = tmp_path_factory.mktemp("whole") / "PET.nii.gz"
    nibabel.save(example_volume("PET"), pet)
    settings = {"anchor": "MR", "sources": ["PET"], "check_registration": False, "denoise_sources": False}
    prepare = FusionPipeline(FusionConfig.of(**settings)).preprocessing
    return lambda path: prepare({"MR": str(path), "PET": str(pet)})["image"].numpy()


def test_nifti(volume_door: Callable[[Path], np.ndarray], tmp_path: Path) -> None:
    whole = tmp_path / "MR.nii"
    whole.write_bytes(clean_nifti())
    require_right(bad_nifti(), volume_door, *met_whole(volume_door, whole), tmp_path)


def test_dicom(tmp_path: Path) -> None:
    whole = write_series(tmp_path)
    door = lambda path: ReadSource()(path).numpy()  # noqa: E731
    require_right(bad_dicom(), door, *met_whole(door, whole), tmp_path)


@pytest.fixture
def small_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an MR and a PET, so small that fusing them takes no time; the test runs in an empty folder."""
    folder = tmp_path / "case"
    folder.mkdir()
    for key, name in (("MR", "MR_T1"), ("PET", "PET")):
        nibabel.save(example_volume(name).slicer[::4, ::4], folder / f"{key}.nii.gz")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return folder


def fused_in(folder: Path) -> np.ndarray:
    (fused,) = folder.rglob("*_fused.nii.gz")
    return nibabel.load(fused).get_fdata()


def test_settings(small_case: Path, tmp_path: Path) -> None:
    outputs = (tmp_path / f"typed_{number}" for number in count())

    def door(typed: tuple[str, str]) -> np.ndarray:
        images = [str(small_case / f"{key}.nii.gz") for key in ("MR", "PET")]
        output = next(outputs)
        options = parse_arguments(["fuse", *images, "-o", str(output), "--device", "cpu", "-q", "--set", *typed])
        options.run(options)
        return fused_in(output)

    require_right(bad_settings(), door, *met_whole(door, ("seed", "0")), tmp_path)
    assert not list(Path.cwd().iterdir())


def test_configurations(small_case: Path, tmp_path: Path) -> None:
    outputs = (tmp_path / f"configured_{number}" for number in count())

    def door(configured: tuple[str, Any]) -> np.ndarray:
        output = next(outputs)
        given = {"dataset_dir": str(small_case), "output_dir": str(output), "device": "cpu", "progress": False}
        prior = {"_target_": "monai_ddfm.priors.IdentityPrior"}
        settings = {**given, "network_def": prior, **dict([configured])}
        workflow = ConfigWorkflow(config_files(), logging_file=False, workflow_type="inference", **settings)
        workflow.initialize()
        workflow.run()
        return fused_in(output)

    require_right(bad_configurations(), door, *met_whole(door, ("seed", 0)), tmp_path)
    assert not list(Path.cwd().iterdir())
