# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sources that are replaced during a run: the digest in the record is that of the bytes that were read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.cohort import CaseDataset, Cohort
from monai_ddfm.cohort.record import digest_of_files
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import IdentityPrior
from tests.cohort.small_cohort import make_case

SETTINGS = {"anchor": "MR", "sources": ["PET"], "rectifier": "em", "device": "cpu", "check_registration": False}
SETTINGS |= {"report": False, "progress": False, "threads": 1, "denoise_sources": False}


def dicom_case(folder: Path) -> Path:
    for name in ("MR", "PET"):
        shutil.copytree(BUNDLE_ROOT / "example" / "dicom_sts_013" / name, folder / name)
    return folder


def case_of(kind: str, folder: Path) -> dict[str, str]:
    if kind == "NIfTI":
        make_case(folder, 0)
        return {"case": "p1", "MR": str(folder / "MR.nii.gz"), "PET": str(folder / "PET.nii.gz")}
    dicom_case(folder)
    return {"case": "p1", "MR": str(folder / "MR"), "PET": str(folder / "PET")}


def replace(path: Path) -> None:
    """Put other bytes that read as well in a file's place, or in that of one file of a folder."""
    if path.is_dir():
        files = sorted(path.glob("*.dcm"))
        content = bytearray(files[0].read_bytes())
        content[-1] ^= 1  # a pixel
        files[0].write_bytes(content)
    else:
        make_case(path.parent / "other", 5)
        (path.parent / "other" / path.name).replace(path)


def run(case: dict[str, str], out: Path, load: Callable[[Any, Any], Any], fused: Callable[[], None]) -> Cohort:
    """Fuse a case; `load` is given the way to load it, `fused` is called when it is fused and nothing is written."""
    pipeline = FusionPipeline(FusionConfig.of(**SETTINGS, output_dir=str(out)), IdentityPrior())
    dataset = CaseDataset(data=[case], transform=lambda data: load(pipeline.preprocessing, data))
    cohort = Cohort(pipeline, dataset)
    evaluator, fuse = cohort.evaluator(), pipeline.inferer

    def fuse_then(inputs: Any, network: Any) -> Any:
        answer = fuse(inputs, network)
        fused()
        return answer

    evaluator.inferer = fuse_then
    cohort.run(evaluator)
    return cohort


@pytest.mark.parametrize("kind", ["NIfTI", "DICOM"])
def test_replaced_after_it_was_read(kind: str, tmp_path: Path) -> None:
    case = case_of(kind, tmp_path / "in")
    read = digest_of_files(Path(case["PET"]))
    run(case, tmp_path / "out", lambda load, data: load(data), lambda: replace(Path(case["PET"])))
    record = json.loads((tmp_path / "out" / "p1.json").read_text())
    assert record["finished"]
    assert record["inputs"]["PET"]["sha256"] == read != digest_of_files(Path(case["PET"]))


@pytest.mark.parametrize("kind", ["NIfTI", "DICOM"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_replaced_between_hashing_and_the_end_of_reading(kind: str, moment: str, tmp_path: Path) -> None:
    case = case_of(kind, tmp_path / "in")

    def load(steps: Any, data: Any) -> Any:
        if moment == "before":
            replace(Path(case["PET"]))
        loaded = steps(data)
        if moment == "after":
            replace(Path(case["PET"]))
        return loaded

    with pytest.raises(ValueError, match=r"PET.*: changed while it was read; wait until nobody writes it"):
        run(case, tmp_path / "out", load, lambda: None)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["failed"] == 1
    assert not list((tmp_path / "out").glob("p1*"))


def test_a_file_that_comes_into_a_series_while_it_is_read(tmp_path: Path) -> None:
    case = case_of("DICOM", tmp_path / "in")

    def load(steps: Any, data: Any) -> Any:
        loaded = steps(data)
        (tmp_path / "in" / "PET" / "late.dcm").write_bytes(b"")
        return loaded

    with pytest.raises(ValueError, match=r"late\.dcm: changed while it was read"):
        run(case, tmp_path / "out", load, lambda: None)


def test_a_dicomdir_counts_with_the_files_that_it_lists(tmp_path: Path) -> None:
    from pydicom.fileset import FileSet

    files = FileSet()
    for file in dicom_case(tmp_path / "in").joinpath("PET").glob("*.dcm"):
        files.add(file)
    files.write(tmp_path / "medium")
    before = digest_of_files(tmp_path / "medium" / "DICOMDIR")
    image = next(path for path in (tmp_path / "medium").rglob("*") if path.is_file() and path.name != "DICOMDIR")
    image.write_bytes(image.read_bytes()[:-1] + b"\xff")
    assert digest_of_files(tmp_path / "medium" / "DICOMDIR") != before
