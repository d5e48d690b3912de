# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What MONAI's configurations take for code ($, @, %) is a name like any other in paths and settings of the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_ddfm.__main__ import main
from monai_ddfm.cohort import find_cases
from tests.volumes import random_volume, save_nifti

NAMES = ["$print", "@seed", "%output_dir", "$__import__('os').mkdir('owned')", "{_target_: os.getcwd}", "a::x#y"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_and_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    mr = save_nifti(tmp_path / name / f"{name} MR.nii.gz", random_volume(10, 9, 3)[0].numpy())
    pet = save_nifti(tmp_path / name / f"{name} PET.nii.gz", random_volume(10, 9, 3, seed=1)[0].numpy())
    result = tmp_path / f"{name} out" / f"{name}.nii.gz"
    assert main(["fuse", str(mr), str(pet), "-o", str(result), "--device", "cpu", "-q"]) == 0
    assert result.is_file()
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("setting", ["colour_map", "weights", "preset_name", "new_patient_id", "windows", "sources"])
def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.chdir(tmp_path)
    mr = save_nifti(tmp_path / "MR.nii.gz", random_volume(10, 9, 3)[0].numpy())
    pet = save_nifti(tmp_path / "PET.nii.gz", random_volume(10, 9, 3, seed=1)[0].numpy())
    for value in ("$__import__('os').mkdir('owned')", "!!python/object/apply:os.mkdir [owned]"):
        main(["fuse", str(mr), str(pet), "-o", "out", "-q", "--device", "cpu", "--set", setting, value])
    assert not (tmp_path / "owned").exists()


def test_datalists(tmp_path: Path) -> None:
    for key in ("MR", "PET"):
        save_nifti(tmp_path / f"$1+1 {key}.nii.gz", random_volume(10, 9, 3)[0].numpy())
    entry = {"case": "$__import__('os').abort()", "MR": "$1+1 MR.nii.gz", "PET": "$1+1 PET.nii.gz"}
    (tmp_path / "list.json").write_text(json.dumps([entry]))
    (case,) = find_cases(tmp_path, ["MR", "PET"], tmp_path / "list.json")
    assert case["case"] == entry["case"] and Path(case["MR"]).is_file()
