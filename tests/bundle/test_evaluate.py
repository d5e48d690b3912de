# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The evaluation workflow of the bundle, on fused volumes that stand for known results."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from monai.bundle import run

from monai_ddfm.bundle import BUNDLE_ROOT, config_files
from monai_ddfm.errors import reason_of

EVALUATE = str(BUNDLE_ROOT / "configs" / "evaluate.yaml")


def evaluate(case: Path, output: Path) -> dict[str, float]:
    run(config_file=[*config_files("mri_pet"), EVALUATE], dataset_dir=str(case), output_dir=str(output))
    with (output / "evaluation" / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row.pop("case") for row in rows] == ["sts_010"]
    return {name: float(value) for name, value in rows[0].items()}


def test_a_copy_of_the_anchor_is_found_out(example_case: Path, tmp_path: Path) -> None:
    shutil.copy(example_case / "MR_T1.nii.gz", tmp_path / "sts_010_fused.nii.gz")
    values = evaluate(example_case, tmp_path)
    assert values["CC_of_MR"] == pytest.approx(1.0, abs=1e-4)
    assert values["VIF_of_MR"] == pytest.approx(1.0, abs=1e-3)
    assert values["VIF_of_PET"] < 0.2
    assert values["VIF"] == pytest.approx(values["VIF_of_MR"] + values["VIF_of_PET"], rel=1e-4)
    written = {path.name for path in (tmp_path / "evaluation").iterdir()}
    assert written == {"sts_010_metrics.csv", "cases.csv", "summary.csv"}


def test_what_the_bundle_fused_is_measured(example_case: Path, tmp_path: Path) -> None:
    run(config_file=config_files("mri_pet"), dataset_dir=str(example_case), output_dir=str(tmp_path), progress=False)
    values = evaluate(example_case, tmp_path)
    assert 0.1 < values["CC_of_MR"] < 0.999 and 0.1 < values["CC_of_PET"] < 0.999
    assert values["SCD"] > 0.5


def test_a_missing_fused_volume_is_named(example_case: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as failed:
        evaluate(example_case, tmp_path)
    reason = reason_of(failed.value)
    assert isinstance(reason, FileNotFoundError)
    assert "sts_010_fused.nii.gz: no such file" in str(reason)
