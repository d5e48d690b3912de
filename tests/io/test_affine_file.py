# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Files of ITK and ANTs, by landmarks: where a point goes, not how a matrix is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from monai_ddfm.io.affine_file import read_affine, write_affine

ANTS = Path(__file__).parents[1] / "data" / "ants_affine.mat"
LANDMARKS = {(1.0, 2.0, 3.0): (11.61, -5.69, 15.17), (-40.0, 25.0, 60.0): (-29.5, 9.15, 75.75)}  # LPS, as ANTs says


def ras(point: tuple[float, ...]) -> np.ndarray:
    return np.array([-point[0], -point[1], point[2]])


def taken(matrix: np.ndarray, point: np.ndarray) -> np.ndarray:
    return matrix[:3, :3] @ point + matrix[:3, 3]


def test_a_file_of_ants_takes_landmarks_where_ants_takes_them() -> None:
    matrix = read_affine(ANTS)
    for here, there in LANDMARKS.items():
        np.testing.assert_allclose(taken(matrix, ras(here)), ras(there), atol=2e-5)


@pytest.mark.parametrize("ending", [".tfm", ".txt", ".h5", ".mat"])
def test_itk_writes_and_we_read(tmp_path: Path, ending: str) -> None:
    turn = sitk.Euler3DTransform()
    turn.SetCenter([10.0, -20.0, 30.0])
    turn.SetRotation(0.1, -0.2, 0.3)
    turn.SetTranslation([4.0, 5.0, -6.0])
    sitk.WriteTransform(turn, str(tmp_path / f"turn{ending}"))
    matrix = read_affine(tmp_path / f"turn{ending}")
    for point in LANDMARKS:
        np.testing.assert_allclose(taken(matrix, ras(point)), ras(turn.TransformPoint(point)), atol=1e-5)


def test_a_composite_of_linear_transforms_is_one_matrix(tmp_path: Path) -> None:
    parts = [sitk.TranslationTransform(3, [1.0, 2.0, 3.0]), sitk.ScaleTransform(3, [2.0, 1.0, 1.0])]
    whole = sitk.CompositeTransform(parts)
    sitk.WriteTransform(whole, str(tmp_path / "whole.h5"))
    np.testing.assert_allclose(
        taken(read_affine(tmp_path / "whole.h5"), ras((1, 1, 1))), ras(whole.TransformPoint((1.0, 1.0, 1.0)))
    )


def test_what_we_write_itk_reads(tmp_path: Path) -> None:
    matrix = read_affine(ANTS)
    again = sitk.ReadTransform(str(write_affine(matrix, tmp_path / "a.tfm")))
    for here, there in LANDMARKS.items():
        np.testing.assert_allclose(again.TransformPoint(here), there, atol=2e-5)
    np.testing.assert_allclose(read_affine(tmp_path / "a.tfm"), matrix, atol=1e-9)
    with pytest.raises(FileExistsError):
        write_affine(matrix, tmp_path / "a.tfm")


def test_what_is_no_affine_is_refused(tmp_path: Path) -> None:
    field = sitk.DisplacementFieldTransform(sitk.Image([4, 4, 4], sitk.sitkVectorFloat64, 3))
    sitk.WriteTransform(field, str(tmp_path / "field.h5"))
    with pytest.raises(ValueError, match=r"field\.h5: a displacement field .*; apply it to the image first"):
        read_affine(tmp_path / "field.h5")
    sitk.WriteTransform(sitk.Euler2DTransform(), str(tmp_path / "flat.tfm"))
    with pytest.raises(ValueError, match=r"flat\.tfm: a transform in 2 dimensions, expected 3"):
        read_affine(tmp_path / "flat.tfm")
    np.savetxt(tmp_path / "flirt.mat", np.eye(4))
    with pytest.raises(ValueError, match=r"flirt\.mat: cannot be read .* FSL or FreeSurfer has to be converted"):
        read_affine(tmp_path / "flirt.mat")
    flat = sitk.AffineTransform(3)
    flat.SetMatrix([1, 0, 0, 0, 1, 0, 0, 0, 0])
    sitk.WriteTransform(flat, str(tmp_path / "singular.tfm"))
    with pytest.raises(ValueError, match=r"singular\.tfm: "):
        read_affine(tmp_path / "singular.tfm")
    with pytest.raises(FileNotFoundError, match=r"none\.tfm: no such file"):
        read_affine(tmp_path / "none.tfm")
    (tmp_path / "a.nii.gz").touch()
    with pytest.raises(ValueError, match=r"expected a transform of ITK or ANTs"):
        read_affine(tmp_path / "a.nii.gz")
