# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm evaluate``: fused images of any method, and the cases of a run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from monai.bundle import run as run_bundle
from PIL import Image

from monai_ddfm.__main__ import main
from monai_ddfm.bundle import BUNDLE_ROOT, config_files


def sources_of(case: Path) -> list[str]:
    return [str(case / name) for name in ("MR_T1.nii.gz", "PET.nii.gz")]


def in_table(folder: Path, case: str) -> dict[str, float]:
    with (folder / "cases.csv").open(newline="") as file:
        rows = {row.pop("case"): row for row in csv.DictReader(file)}
    return {name: float(value) for name, value in rows[case].items()}


def evaluate(*words: Any) -> int:
    return main(["evaluate", *map(str, words)])


@pytest.fixture
def fused(example_case: Path, tmp_path: Path) -> Path:
    """The folder of a run with one case, ``MR_T1``."""
    words = ["fuse", *sources_of(example_case), "--preset", "mri_pet", "--device", "cpu", "-q"]
    assert main([*words, "-o", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def test_a_run_as_its_images_and_as_the_bundle(
    example_case: Path, fused: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(fused) == 0
    of_run = in_table(fused / "evaluation", "MR_T1")
    assert "VIF_of_PET" in of_run and 0.1 < of_run["CC_of_PET"] < of_run["CC_of_MR_T1"] < 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("MR_T1  EN ") and printed[-1] == str(fused / "evaluation" / "summary.csv")

    image = fused / "MR_T1_fused.nii.gz"
    words = [*sources_of(example_case), "--fused", image, "--preset", "mri_pet", "-o", tmp_path / "tables"]
    assert evaluate(*words, "--json") == 0
    assert in_table(tmp_path / "tables", "MR_T1_fused") == of_run
    told = json.loads(capsys.readouterr().out)
    assert {name: float(f"{value:.6g}") for name, value in told["metrics"]["MR_T1_fused"].items()} == of_run

    image.rename(tmp_path / "sts_010_fused.nii.gz")
    evaluate_yaml = str(BUNDLE_ROOT / "configs" / "evaluate.yaml")
    run_bundle(
        config_file=[*config_files("mri_pet"), evaluate_yaml],
        dataset_dir=str(example_case),
        output_dir=str(tmp_path),
        logging_file=False,  # which would give later tests its handlers
    )
    of_bundle = in_table(tmp_path / "evaluation", "sts_010")
    assert {name.replace("_MR", "_MR_T1"): value for name, value in of_bundle.items()} == of_run


def test_of_a_dicom_run(tmp_path: Path) -> None:
    example = BUNDLE_ROOT / "example" / "dicom_sts_013"
    sources = [str(example / name) for name in ("MR", "PET")]
    words = ["fuse", *sources, "--modalities", "MR", "PT", "--device", "cpu", "-q", "--output-format", "dicom"]
    assert main([*words, "-o", str(tmp_path)]) == 0
    assert evaluate(tmp_path) == 0
    (case,) = (path.name.removesuffix("_metrics.csv") for path in (tmp_path / "evaluation").glob("*_metrics.csv"))
    assert in_table(tmp_path / "evaluation", case)["SCD"] > 0.5


def test_of_pictures(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    sources = [tmp_path / "MR.png", tmp_path / "CT.png"]
    for path, picture in zip(sources, levels, strict=True):
        Image.fromarray(picture).save(path)
    assert evaluate(*sources, "--fused", sources[0], "-o", tmp_path / "tables") == 0
    values = in_table(tmp_path / "tables", "MR")
    assert values["CC_of_MR"] == pytest.approx(1) and abs(values["CC_of_CT"]) < 0.1


def moved(source: str, folder: Path) -> Path:
    image = nibabel.load(source)
    affine = image.affine.copy()
    affine[0, 3] += 5.0
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), affine), folder / "moved.nii.gz")
    return folder / "moved.nii.gz"


def test_what_cannot_be_measured_is_named(
    example_case: Path, fused: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mr, pet = sources_of(example_case)
    wrong = {
        "PET.nii.gz: is (": [mr, pet, "--fused", pet],
        "moved.nii.gz: its voxels lie elsewhere": [mr, pet, "--fused", moved(mr, tmp_path)],
        "none.nii.gz: no such file": [mr, pet, "--fused", tmp_path / "none.nii.gz"],
        "--fused FILE, or the output folder": [mr, pet],
        "records say how its cases were fused; leave out --preset": [fused, "--preset", "mri_pet"],
        "no finished case with its record": [example_case],
    }
    for reason, words in wrong.items():
        assert evaluate(*words, "-o", tmp_path / "tables") == 1
        assert reason in capsys.readouterr().err
    assert not (tmp_path / "tables").exists()

    assert evaluate(fused) == 0 and evaluate(fused) == 1
    assert "cases.csv: exists and is kept" in capsys.readouterr().err
    assert evaluate(fused, "--overwrite") == 0
