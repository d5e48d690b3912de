# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The inference workflow of the bundle, end to end on a small real case."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from monai.bundle import ConfigWorkflow, create_workflow
from PIL import Image

from monai_ddfm.bundle import BUNDLE_ROOT, config_files
from monai_ddfm.errors import reason_of

QUICK = {
    "network_def": {"_target_": "monai_ddfm.priors.IdentityPrior"},
    "steps": 2,
    "progress": False,
    "device": "$torch.device('cpu')",
}


def workflow(dataset_dir: Path, output_dir: Path, preset: str | None = "paper", **overrides: Any) -> ConfigWorkflow:
    return create_workflow(
        config_file=config_files(preset),
        meta_file=str(BUNDLE_ROOT / "configs" / "metadata.json"),
        logging_file=str(BUNDLE_ROOT / "configs" / "logging.conf"),
        workflow_type="inference",
        dataset_dir=str(dataset_dir),
        output_dir=str(output_dir),
        **overrides,
    )


def fuse(dataset_dir: Path, output_dir: Path, **overrides: Any) -> None:
    """Run; an error is raised as its reason, out of MONAI's wrapping."""
    running = workflow(dataset_dir, output_dir, **{**QUICK, **overrides})
    try:
        running.run()
    except RuntimeError as error:
        raise reason_of(error) from None
    running.finalize()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


@pytest.mark.parametrize("preset", [None, "mri_pet", "paper", "reference"])
def test_all_properties_are_met(example_case: Path, tmp_path: Path, preset: str | None) -> None:
    assert workflow(example_case, tmp_path, preset, **QUICK).check_properties() == []
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("preset", ["mri_pet", "paper"])
def test_shipped_prior_fuses_a_real_case(example_case: Path, tmp_path: Path, preset: str) -> None:
    running = workflow(example_case, tmp_path, preset, steps=2, progress=False, device="$torch.device('cpu')")
    running.run()
    running.finalize()
    anchor = nibabel.load(example_case / "MR_T1.nii.gz")
    fused = nibabel.load(tmp_path / "sts_010_fused.nii.gz")
    np.testing.assert_allclose(fused.affine, anchor.affine, atol=1e-4)
    assert fused.shape == anchor.shape
    voxels, mr = fused.get_fdata(), anchor.get_fdata()
    low, high = np.percentile(mr, [0.5, 99.5])
    assert voxels.min() >= mr.min() - 0.02 * np.ptp(mr)  # in the anchor's units
    assert voxels.max() <= mr.max() + 0.02 * np.ptp(mr)
    assert np.corrcoef(voxels.ravel(), mr.clip(low, high).ravel())[0, 1] > 0.5
    assert np.abs(voxels - mr.clip(low, high)).max() > 0.2 * (high - low)  # the PET is in it
    with Image.open(tmp_path / "sts_010_preview.png") as preview:
        assert preview.width > 3 * anchor.shape[0]
    record = json.loads((tmp_path / "sts_010.json").read_text())
    assert record["finished"] is True
    assert set(record["inputs"]) == {"MR", "PET"}
    assert not list(tmp_path.glob(".*"))


def test_other_anchor_and_sources(example_case: Path, tmp_path: Path) -> None:
    fuse(example_case, tmp_path, anchor="PET", sources="MR", output_extension=".nii", fused_suffix="mixed")
    pet, fused = nibabel.load(example_case / "PET.nii.gz"), nibabel.load(tmp_path / "sts_010_mixed.nii")
    assert fused.shape == pet.shape
    np.testing.assert_allclose(fused.affine, pet.affine, atol=1e-4)


def test_seed_and_repetition(example_case: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        fuse(example_case, tmp_path / name, seed=seed)
    voxels = {name: nibabel.load(tmp_path / name / "sts_010_fused.nii.gz").get_fdata() for name in "abc"}
    np.testing.assert_array_equal(voxels["a"], voxels["b"])
    assert np.abs(voxels["a"] - voxels["c"]).max() > 0


def test_folder_of_cases_and_datalist(example_case: Path, tmp_path: Path) -> None:
    shutil.copytree(example_case, tmp_path / "data" / "p01")
    shutil.copytree(example_case, tmp_path / "data" / "p02")
    fuse(tmp_path / "data", tmp_path / "folder")
    assert {f"{case}_fused.nii.gz" for case in ("p01", "p02")} <= set(contents(tmp_path / "folder"))
    datalist = tmp_path / "datalist.json"
    datalist.write_text(json.dumps([{"case": "only", "MR": "p02/MR_T1.nii.gz", "PET": "p02/PET.nii.gz"}]))
    fuse(tmp_path / "data", tmp_path / "list", datalist=str(datalist))
    assert "only_fused.nii.gz" in contents(tmp_path / "list")
    assert not any(name.startswith("p0") for name in contents(tmp_path / "list"))


def test_finished_case_is_kept(example_case: Path, tmp_path: Path) -> None:
    fuse(example_case, tmp_path)
    fused, record = tmp_path / "sts_010_fused.nii.gz", tmp_path / "sts_010.json"
    before = (fused.stat().st_mtime_ns, record.read_bytes())
    fuse(example_case, tmp_path)
    assert (fused.stat().st_mtime_ns, record.read_bytes()) == before
    fuse(example_case, tmp_path, slices_per_batch=3)  # changes nothing in the result
    assert (fused.stat().st_mtime_ns, record.read_bytes()) == before


def test_result_of_other_settings_is_not_replaced_unless_asked(example_case: Path, tmp_path: Path) -> None:
    fuse(example_case, tmp_path, steps=2)
    before = {name: value for name, value in contents(tmp_path).items() if name.startswith("sts_010")}
    with pytest.raises(
        FileExistsError, match=r"made from other files or with other settings, and is kept; give another"
    ):
        fuse(example_case, tmp_path, steps=3)
    assert {name: value for name, value in contents(tmp_path).items() if name.startswith("sts_010")} == before
    fuse(example_case, tmp_path, steps=3, overwrite=True)
    assert contents(tmp_path)["sts_010_fused.nii.gz"] != before["sts_010_fused.nii.gz"]


def test_result_of_other_files_is_not_replaced(example_case: Path, tmp_path: Path) -> None:
    case = shutil.copytree(example_case, tmp_path / "sts_010")
    fuse(case, tmp_path / "out")
    image = nibabel.load(case / "PET.nii.gz")
    nibabel.save(nibabel.Nifti1Image(image.get_fdata() * 2 + 1, image.affine), case / "PET.nii.gz")
    with pytest.raises(FileExistsError, match="made from other files or with other settings"):
        fuse(case, tmp_path / "out")


def test_somebody_elses_file_of_that_name_is_kept(example_case: Path, tmp_path: Path) -> None:
    (tmp_path / "sts_010_fused.nii.gz").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"sts_010_fused\.nii\.gz: exists"):
        fuse(example_case, tmp_path)
    assert contents(tmp_path)["sts_010_fused.nii.gz"] == b"mine"


def test_case_killed_before_its_end_is_done_again(example_case: Path, tmp_path: Path) -> None:
    fuse(example_case, tmp_path)
    whole = contents(tmp_path)
    record = json.loads(whole["sts_010.json"])
    (tmp_path / "sts_010.json").write_text(json.dumps({**record, "finished": False}))
    (tmp_path / "sts_010_fused.nii.gz").unlink()
    fuse(example_case, tmp_path)
    assert json.loads(contents(tmp_path)["sts_010.json"])["finished"] is True
    again = nibabel.load(tmp_path / "sts_010_fused.nii.gz").get_fdata()
    (tmp_path / "first.nii.gz").write_bytes(whole["sts_010_fused.nii.gz"])
    np.testing.assert_array_equal(again, nibabel.load(tmp_path / "first.nii.gz").get_fdata())


def test_bundle_command_fails_with_the_reason_last(example_case: Path, tmp_path: Path) -> None:
    """``python -m monai.bundle run`` as a user types it, on a truncated file."""
    case = shutil.copytree(example_case, tmp_path / "sts_010")
    whole = (case / "PET.nii.gz").read_bytes()
    (case / "PET.nii.gz").write_bytes(whole[: len(whole) // 2])
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(config_files("mri_pet"))]
    command += ["--dataset_dir", str(case), "--output_dir", str(tmp_path / "out"), "--steps", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.returncode != 0
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("monai_ddfm: ValueError: ")
    assert "PET.nii.gz: cannot be read" in last
    assert "copy or export it again" in last
    assert not list((tmp_path / "out").glob("*fused*"))
