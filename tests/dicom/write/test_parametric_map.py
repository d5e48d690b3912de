# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The fused numbers themselves, as a Parametric Map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.parametric_map import write_parametric_map
from tests.dicom.shipped_study import identities, identity, stand_in
from tests.dicom.validators import needs_validators, validator_errors


def write(file: Path, anchor: str, pseudonym: Pseudonym | None = None) -> pydicom.Dataset:
    fused = stand_in(anchor) * 3.7 - 1.0
    write_parametric_map(
        fused, fused.affine, identity(anchor), identities(), file, Derivation(seed=3), pseudonym=pseudonym
    )
    return pydicom.dcmread(file)


@needs_validators
@pytest.mark.parametrize("anchor", ["MR", "CT", "PT"])
@pytest.mark.parametrize("pseudonym", [None, Pseudonym("ANON", key="k")], ids=["identified", "de-identified"])
def test_validators_find_no_error(tmp_path: Path, anchor: str, pseudonym: Pseudonym | None) -> None:
    write(tmp_path / "map.dcm", anchor, pseudonym)
    assert validator_errors([tmp_path / "map.dcm"]) == []


@pytest.mark.parametrize("anchor", ["MR", "PT"])
def test_the_numbers_and_their_places(tmp_path: Path, anchor: str) -> None:
    dataset = write(tmp_path / "map.dcm", anchor)
    fused = (stand_in(anchor) * 3.7 - 1.0)[0].numpy()
    places = [group.PlanePositionSequence[0].ImagePositionPatient for group in dataset.PerFrameFunctionalGroupsSequence]
    wanted = np.array([one.image_position for one in identity(anchor).instances])
    distances = np.linalg.norm(np.array(places, float)[:, None] - wanted, axis=-1)
    order = distances.argmin(axis=1)  # the frames may come in either sense
    assert distances.min(axis=1).max() < 1e-6 and sorted(order) == list(range(len(wanted)))
    np.testing.assert_array_equal(dataset.pixel_array, fused.transpose(2, 1, 0)[order])  # to the last bit
    assert len(dataset.SourceImageSequence) == sum(len(one.instances) for one in identities())
    assert dataset.StudyInstanceUID == identity(anchor).study_instance_uid


def test_nobody_is_named(tmp_path: Path) -> None:
    write(tmp_path / "map.dcm", "MR", Pseudonym("ANON", key="k"))
    content = (tmp_path / "map.dcm").read_bytes()
    assert b"STS_013" not in content and identity("MR").study_instance_uid.encode() not in content


def test_what_is_no_map(tmp_path: Path) -> None:
    fused = stand_in("MR").clone()
    fused[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="one channel of finite numbers"):
        write_parametric_map(fused, fused.affine, identity("MR"), identities(), tmp_path / "map.dcm")
    assert not (tmp_path / "map.dcm").exists()
