# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``--transform`` and what ``--register rigid`` leaves for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from monai.data import MetaTensor

from monai_ddfm.__main__ import main
from monai_ddfm.io.affine_file import read_affine, write_affine
from tests.dicom.shipped_study import FOLDERS
from tests.dicom.validators import needs_validators, validator_errors
from tests.transforms.test_register_rigid import body, rigid
from tests.volumes import save_nifti

MOVED_BY = rigid((14, -9, 6), 12)
Fuse = Callable[..., int]


@pytest.fixture
def fuse(tiny_weights: Path) -> Fuse:
    quick = ["--device", "cpu", "--set", "denoise_sources", "false", "--set", "rectifier_options", "{iterations: 2}"]
    return lambda *arguments: main(["fuse", *map(str, arguments), *quick, "--set", "weights", str(tiny_weights)])


def _save(path: Path, volume: MetaTensor, affine: np.ndarray) -> Path:
    return save_nifti(path, volume.numpy()[0], affine)


@pytest.fixture
def displaced(tmp_path: Path) -> tuple[Path, Path, Path]:
    """MR, displaced PET, and the same PET in place."""
    affine = body(0).affine.numpy()
    return (
        _save(tmp_path / "MR.nii.gz", body(0), affine),
        _save(tmp_path / "away" / "PET.nii.gz", body(1), MOVED_BY @ affine),
        _save(tmp_path / "home" / "PET.nii.gz", body(1), affine),
    )


def _voxels(file: Path) -> np.ndarray:
    return np.asarray(nibabel.load(file).dataobj)


def test_a_transform_does_what_moving_the_header_does(
    fuse: Fuse, displaced: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    mr, away, home = displaced
    file = write_affine(MOVED_BY, tmp_path / "affine.tfm")
    assert fuse(mr, home, "-o", tmp_path / "expected") == 0
    assert fuse(mr, away, "-o", tmp_path / "out", "--transform", f"PET={file}") == 0
    expected, found = (_voxels(tmp_path / folder / "MR_fused.nii.gz") for folder in ("expected", "out"))
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.ptp(expected))
    np.testing.assert_allclose(read_affine(tmp_path / "out" / "MR_PET_to_MR.tfm"), MOVED_BY, atol=1e-9)
    assert not (tmp_path / "expected" / "MR_PET_to_MR.tfm").exists()
    record = json.loads((tmp_path / "out" / "MR.json").read_text())
    assert list(record["transforms"]) == ["PET"]


def test_the_found_transform_is_written_and_repeats_the_fusion(
    fuse: Fuse, displaced: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    mr, away, _ = displaced
    assert fuse(mr, away, "-o", tmp_path / "first", "--register", "rigid") == 0
    found = tmp_path / "first" / "MR_PET_to_MR.tfm"
    np.testing.assert_allclose(read_affine(found), MOVED_BY, atol=0.7)
    assert fuse(mr, away, "-o", tmp_path / "again", "--transform", f"PET={found}") == 0
    first, again = (_voxels(tmp_path / folder / "MR_fused.nii.gz") for folder in ("first", "again"))
    np.testing.assert_allclose(again, first, atol=1e-3 * np.ptp(first))


def test_the_wrong_direction_is_said(fuse: Fuse, displaced: tuple[Path, Path, Path], tmp_path: Path) -> None:
    mr, away, _ = displaced
    file = write_affine(np.linalg.inv(MOVED_BY), tmp_path / "affine.tfm")
    with pytest.warns(UserWarning, match=rf"PET=\[{file},1\] turns it round"):
        fuse(mr, away, "-o", tmp_path / "out", "--transform", f"PET={file}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("PET=none.tfm", "none.tfm: no such file"),
        ("PET", "--transform PET: expected SOURCE=FILE, with one of the sources MR, PET and its transform"),
        ("MR=a.tfm", "no source to move in transforms named 'MR'; there are PET"),
    ],
)
def test_what_is_no_transform_is_refused(
    fuse: Fuse,
    displaced: tuple[Path, Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    given: str,
    said: str,
) -> None:
    assert fuse(*displaced[:2], "-o", tmp_path / "out", "--transform", given) == 1
    assert said in capsys.readouterr().err


@needs_validators
def test_a_dicom_study_gets_a_spatial_registration(fuse: Fuse, tmp_path: Path) -> None:
    file = write_affine(rigid((1, 0, 0), 0.5), tmp_path / "affine.tfm")
    study = [FOLDERS["MR"], FOLDERS["PT"], "--output-format", "dicom", "--set", "check_registration", "false"]
    assert fuse(*study, "-o", tmp_path / "out", "--transform", f"PET={file}") == 0
    written = tmp_path / "out" / "MR_registration.dcm"
    assert validator_errors([written]) == []
    assert len(pydicom.dcmread(written).RegistrationSequence) == 2  # the anchor stays, the PET moves
