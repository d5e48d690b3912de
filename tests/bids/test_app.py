# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm-bids``: a dataset of real images in, derivatives that the BIDS validator finds no error in out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from monai_ddfm.commands.bids import main
from tests.volumes import save_nifti

QUICK = ["--device", "cpu", "--set", "denoise_sources", "false", "--set", "rectifier_options", "{iterations: 2}", "-q"]
PET = {
    "Units": "Bq/mL",
    "TracerName": "FDG",
    "TracerRadionuclide": "F18",
    "InjectedRadioactivity": 400,
    "InjectedRadioactivityUnits": "MBq",
    "DecayCorrection": "ADMIN",
    "ImageDecayCorrected": True,
    "PatientName": "Doe^Jane",
}
Fuse = Callable[..., int]


def _json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def dataset(tmp_path: Path, example_case: Path) -> Path:
    """The shipped case, small, as two subjects: 01 without sessions, 02 with PET and MR in two sessions."""
    root = tmp_path / "raw"
    _json(root / "dataset_description.json", {"Name": "Example", "BIDSVersion": "1.10.0"})
    (root / "participants.tsv").write_text("participant_id\tweight\nsub-01\t80\nsub-02\tn/a\n")
    _json(root / "pet.json", PET)  # inherited by every PET
    places = {
        "sub-01/anat/sub-01_T1w.nii.gz": "MR_T1.nii.gz",
        "sub-01/pet/sub-01_trc-FDG_pet.nii.gz": "PET.nii.gz",
        "sub-02/ses-mr/anat/sub-02_ses-mr_acq-high_T1w.nii.gz": "MR_T1.nii.gz",
        "sub-02/ses-pet/pet/sub-02_ses-pet_trc-FDG_run-1_pet.nii.gz": "PET.nii.gz",
    }
    for place, name in places.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(example_case / name, root / place)
    return root


@pytest.fixture
def fuse(tiny_weights: Path, dataset: Path, tmp_path: Path) -> Fuse:
    words = [str(dataset), str(tmp_path / "out"), "participant", *QUICK, "--set", "weights", str(tiny_weights)]
    return lambda *more: main([*words, *map(str, more)])


def _said_wrong(folder: Path) -> str:
    """The errors of the BIDS validator in its report."""
    beside = Path(sys.executable).parent  # where pip puts it, also of a virtual environment that is not activated
    program = shutil.which("bids-validator-deno", path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("needs bids-validator-deno (pip install bids-validator-deno)")
    done = subprocess.run([program, "--json", str(folder)], capture_output=True, text=True, check=False)
    issues = json.loads(done.stdout)["issues"]["issues"]
    return "; ".join(f"{one['code']} {one.get('location')}" for one in issues if one["severity"] == "error")


def test_derivatives_are_valid(fuse: Fuse, dataset: Path, tmp_path: Path) -> None:
    assert fuse("--maps", "provenance", "novelty", "--register", "rigid") == 0
    out = tmp_path / "out"
    made = {str(path.relative_to(out)) for path in out.rglob("sub-*.*") if ".monai_ddfm" not in path.parts}
    first = {
        *(
            f"sub-01/anat/sub-01_desc-fused{what}_T1w{end}"
            for what in ("", "colour", "novelty")
            for end in (".nii.gz", ".json")
        ),
        *(f"sub-01/anat/sub-01_desc-fusedprovenance_probseg{end}" for end in (".nii.gz", ".json")),
        *(f"sub-01/pet/sub-01_trc-FDG_desc-static_pet{end}" for end in (".nii.gz", ".json")),
        "sub-01/figures/sub-01_desc-fused_T1w.png",
        "sub-01/anat/sub-01_from-pet_to-T1w_mode-image_xfm.txt",
    }
    assert {name for name in made if name.startswith("sub-01")} == first
    assert "sub-02/ses-pet/anat/sub-02_ses-pet_acq-high_desc-fused_T1w.nii.gz" in made
    anchor = nibabel.load(dataset / "sub-01/anat/sub-01_T1w.nii.gz")
    fused = nibabel.load(out / "sub-01/anat/sub-01_desc-fused_T1w.nii.gz")
    assert fused.shape == anchor.shape
    np.testing.assert_allclose(fused.affine, anchor.affine, atol=1e-5)
    sidecar = json.loads((out / "sub-01/anat/sub-01_desc-fused_T1w.json").read_text())
    assert sidecar["Sources"] == [
        "bids:raw:sub-01/anat/sub-01_T1w.nii.gz",
        "bids:raw:sub-01/pet/sub-01_trc-FDG_pet.nii.gz",
    ]
    description = json.loads((out / "dataset_description.json").read_text())
    assert (description["DatasetType"], description["DatasetLinks"]) == ("derivative", {"raw": "../raw"})
    assert description["GeneratedBy"][0]["Name"] == "monai_ddfm"
    assert "Doe" not in "".join(path.read_text() for path in out.rglob("*.json"))
    assert _said_wrong(out) == ""


def test_voxels_of_another_size_are_said_in_names_and_sidecars(fuse: Fuse, tmp_path: Path) -> None:
    assert fuse("--participant-label", "01", "--set", "spacing", "[4, 4.5, 49.05]") == 0
    path = tmp_path / "out/sub-01/anat/sub-01_res-4x4p5x49p05mm_desc-fused_T1w.nii.gz"
    np.testing.assert_allclose(nibabel.load(path).header.get_zooms(), (4, 4.5, 49.05), rtol=1e-5)
    sidecar = json.loads(Path(str(path).replace(".nii.gz", ".json")).read_text())
    assert sidecar["Resolution"].startswith("voxels of 4 x 4.5 x 49.05 mm")
    assert _said_wrong(tmp_path / "out") == ""


def test_pet_is_brought_to_suv_by_sidecar_and_participants(fuse: Fuse, dataset: Path, tmp_path: Path) -> None:
    assert fuse() == 0
    raw = nibabel.load(dataset / "sub-01/pet/sub-01_trc-FDG_pet.nii.gz").get_fdata()
    static = tmp_path / "out/sub-01/pet/sub-01_trc-FDG_desc-static_pet"
    np.testing.assert_allclose(nibabel.load(f"{static}.nii.gz").get_fdata(), raw * 80e3 / 400e6, rtol=1e-5)
    assert json.loads(Path(f"{static}.json").read_text())["Units"] == "g/mL"
    other = tmp_path / "out/sub-02/ses-pet/pet/sub-02_ses-pet_trc-FDG_run-1_desc-static_pet.json"
    assert json.loads(other.read_text())["Units"] == "Bq/mL"  # nobody says what the second participant weighs


def test_dynamic_pet_is_averaged_by_its_frames(fuse: Fuse, dataset: Path, tmp_path: Path) -> None:
    path = dataset / "sub-01/pet/sub-01_trc-FDG_pet.nii.gz"
    one = nibabel.load(path)
    frames = np.stack([scale * one.get_fdata() for scale in (9.0, 1.0, 2.0)], axis=-1).astype(np.float32)
    save_nifti(path, frames, one.affine)
    assert fuse("--participant-label", "sub-01") == 1  # PET-BIDS wants the times of the frames
    _json(path.with_name("sub-01_trc-FDG_pet.json"), {"FrameTimesStart": [0, 60, 120], "FrameDuration": [60, 60, 180]})
    assert fuse("--participant-label", "01", "--pet-window", 60, 300) == 0
    static = nibabel.load(tmp_path / "out/sub-01/pet/sub-01_trc-FDG_desc-static_pet.nii.gz").get_fdata()
    np.testing.assert_allclose(static, 1.75 * one.get_fdata() * 80e3 / 400e6, rtol=1e-4)
    assert not (tmp_path / "out/sub-02").exists()


def test_finished_cases_are_kept_and_one_that_fails_stops_no_other(
    fuse: Fuse, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "sub-02/ses-pet/pet/sub-02_ses-pet_trc-FDG_run-1_pet.nii.gz").write_bytes(b"no NIfTI")
    assert fuse() == 1
    assert "sub-02" in capsys.readouterr().err
    fused = tmp_path / "out/sub-01/anat/sub-01_desc-fused_T1w.nii.gz"
    before = fused.stat().st_ino
    assert fuse("--participant-label", "01") == 0
    assert fused.stat().st_ino == before
    summary = json.loads((tmp_path / "out/.monai_ddfm/fused/summary.json").read_text())
    assert (summary["kept"], summary["finished"]) == (1, 0)


def _without_description(root: Path) -> None:
    (root / "dataset_description.json").unlink()


def _without_version(root: Path) -> None:
    _json(root / "dataset_description.json", {"Name": "x"})


def _without_subjects(root: Path) -> None:
    for folder in root.glob("sub-*"):
        shutil.rmtree(folder)


def _without_pet(root: Path) -> None:
    for folder in root.rglob("pet"):
        shutil.rmtree(folder)


def _without_sidecar(root: Path) -> None:
    (root / "pet.json").unlink()


def _two_runs(root: Path) -> None:
    for folder in root.rglob("anat"):
        for path in list(folder.glob("*_T1w.nii.gz")):
            shutil.copyfile(path, path.with_name(path.name.replace("_T1w", "_run-2_T1w")))


def _another_subjects_name(root: Path) -> None:
    for path in list(root.rglob("*_T1w.nii.gz")):
        path.rename(path.with_name(path.name.replace("sub-0", "sub-1")))


def _broken_sidecar(root: Path) -> None:
    (root / "pet.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_without_description, "no BIDS dataset, dataset_description.json is missing"),
        (_without_version, "dataset_description.json: BIDSVersion is missing"),
        (_without_subjects, "no subject; a BIDS dataset has a folder sub-LABEL for each"),
        (_without_pet, "sub-01: no image pet.nii.gz"),
        (_two_runs, "T1w may be any of sub-01_T1w.nii.gz, sub-01_run-2_T1w.nii.gz; say which by an entity"),
        (_another_subjects_name, "its folders say sub-01, its name does not"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    fuse: Fuse, dataset: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], said: str
) -> None:
    spoil(dataset)
    assert fuse() == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(_without_sidecar, "no sidecar; PET-BIDS requires"), (_broken_sidecar, "pet.json: not valid JSON")],
)
def test_a_sidecar_that_is_wrong_is_named(
    fuse: Fuse,
    dataset: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    spoil: Any,
    said: str,
) -> None:
    spoil(dataset)
    assert fuse("--participant-label", "01") == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--participant-label", "07"], "no subject 07; there are 01, 02"),
        (["--source", "pet.nii.gz"], "expected the end of an image's name without extension"),
        (["--desc", "a_b"], "desc-a_b: a label of BIDS has letters and digits only"),
    ],
)
def test_a_wrong_argument_is_named(fuse: Fuse, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert fuse(*words) == 1
    assert said in capsys.readouterr().err
