# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Spatial Registration objects: valid, and in DICOM's space (LPS)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.spatial_registration import write_spatial_registration
from tests.dicom.shipped_study import identities, identity
from tests.dicom.validators import needs_validators, validator_errors

TURN = np.array([[0.0, -1, 0, 5], [1, 0, 0, -7], [0, 0, 1, 9], [0, 0, 0, 1]])
SHEAR = TURN @ np.array([[1, 0.1, 0, 0], [0, 1.05, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def write(file: Path, anchor: str = "MR", **options: object) -> pydicom.Dataset:
    motions = {identity("PT").series_instance_uid: TURN, identity("CT").series_instance_uid: SHEAR}
    return pydicom.dcmread(write_spatial_registration(identity(anchor), identities(), motions, file, **options))


@needs_validators
@pytest.mark.parametrize("pseudonym", [None, Pseudonym("ANON", key="k")], ids=["identified", "de-identified"])
def test_validators_find_no_error(tmp_path: Path, pseudonym: Pseudonym | None) -> None:
    write(tmp_path / "r.dcm", pseudonym=pseudonym)
    assert validator_errors([tmp_path / "r.dcm"]) == []


def test_the_matrix_takes_a_landmark_of_the_source_to_the_anchors_space(tmp_path: Path) -> None:
    written = write(tmp_path / "r.dcm")
    assert written.FrameOfReferenceUID == identity("MR").frame_of_reference_uid
    by_image = {item.ReferencedImageSequence[0].ReferencedSOPInstanceUID: item for item in written.RegistrationSequence}
    steps = [
        by_image[identity(modality).instances[0].sop_instance_uid].MatrixRegistrationSequence[0].MatrixSequence[0]
        for modality in ("MR", "PT", "CT")
    ]
    matrices = [np.reshape(step.FrameOfReferenceTransformationMatrix, (4, 4)).astype(float) for step in steps]
    np.testing.assert_array_equal(matrices[0], np.eye(4))
    landmark = np.array([10.0, 20, 30, 1])  # RAS
    to_lps = np.diag([-1.0, -1, 1, 1])
    np.testing.assert_allclose(matrices[1] @ to_lps @ landmark, to_lps @ TURN @ landmark)
    assert [step.FrameOfReferenceTransformationMatrixType for step in steps] == ["RIGID", "RIGID", "AFFINE"]


def test_it_says_nothing_of_the_patient_where_that_is_asked_for(tmp_path: Path) -> None:
    written = write(tmp_path / "r.dcm", pseudonym=Pseudonym("ANON", key="k"))
    assert written.PatientID == "ANON"
    text = (tmp_path / "r.dcm").read_bytes()
    for one in identities():
        assert one.series_instance_uid.encode() not in text
        assert one.instances[0].sop_instance_uid.encode() not in text
