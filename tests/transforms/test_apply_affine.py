# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Registrations of other programs: landmarks come to lie on each other, and a wrong direction is said."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from monai.data import MetaTensor

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.write.spatial_registration import write_spatial_registration
from monai_ddfm.io.affine_file import read_affine, write_affine
from monai_ddfm.transforms import ApplyAffine, ApplyAffined, CheckRegistration, RegisterRigid, WriteMotions
from monai_ddfm.transforms.motion import MOTION_KEY, REGISTRATION_KEY, motion_of
from tests.dicom.shipped_study import identity, volume
from tests.transforms.test_register_rigid import body, corner_error, rigid

MOVED_BY = rigid((14, -9, 6), 12)  # RAS: where the source lies, seen from the anchor


@pytest.fixture
def source() -> MetaTensor:
    """The anchor's anatomy in another contrast, displaced."""
    return body(1, MOVED_BY @ body(1).affine.numpy())


def test_an_itk_transform_puts_landmarks_on_each_other(tmp_path: Path, source: MetaTensor) -> None:
    # ITK's own resampling says what its file means: with it, the source becomes the anchor's picture of it
    write_affine(MOVED_BY, tmp_path / "t.tfm")
    fixed, moving = (sitk.GetImageFromArray(one.numpy()[0].transpose(2, 1, 0)) for one in (body(0), source))
    for image, affine in ((fixed, body(0).affine.numpy()), (moving, source.affine.numpy())):
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
        image.SetOrigin(lps[:3, 3].tolist())
        image.SetSpacing([2.0] * 3)
        image.SetDirection((lps[:3, :3] / 2).flatten().tolist())
    resampled = sitk.Resample(moving, fixed, sitk.ReadTransform(str(tmp_path / "t.tfm")))
    np.testing.assert_allclose(sitk.GetArrayFromImage(resampled).transpose(2, 1, 0), body(1).numpy()[0], atol=1e-2)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        applied = ApplyAffine(tmp_path / "t.tfm")(source, body(0), "PET", "MR")
    assert corner_error(applied, body(1).affine.numpy()) < 1e-6
    assert torch.equal(applied.as_tensor(), source.as_tensor())
    assert applied.meta[REGISTRATION_KEY] == "PET moved onto MR by t.tfm"
    assert MOTION_KEY not in source.meta


def test_the_wrong_direction_is_said_with_its_remedy(tmp_path: Path, source: MetaTensor) -> None:
    file = write_affine(np.linalg.inv(MOVED_BY), tmp_path / "t.tfm")
    said = rf"PET covers \d+% of MR .*; with its inverse \d+% .*wrong direction.*PET=\[{file},1\] turns it round"
    with pytest.warns(UserWarning, match=said):
        ApplyAffine(file)(source, body(0), "PET", "MR")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        turned = ApplyAffine(f"[{file},1]")(source, body(0), "PET", "MR")
    assert corner_error(turned, body(1).affine.numpy()) < 1e-6


def test_a_transform_of_another_pair_is_said(tmp_path: Path) -> None:
    file = write_affine(MOVED_BY, tmp_path / "t.tfm")
    with pytest.warns(UserWarning, match=r"without it 100% .*belong to another pair"):
        ApplyAffine(file)(body(1), body(0), "PET", "MR")


def test_what_was_found_is_written_and_taken_again(tmp_path: Path, source: MetaTensor) -> None:
    found = RegisterRigid()(source, body(0), "PET", "MR")
    file = WriteMotions()(found, tmp_path / "PET_to_MR.tfm")
    again = ApplyAffine(file)(source, body(0), "PET", "MR")
    np.testing.assert_allclose(again.affine, found.affine, atol=1e-6)
    np.testing.assert_allclose(read_affine(file), MOVED_BY, atol=0.7)
    assert WriteMotions()(source, tmp_path / "none.tfm") is None


def test_a_search_begins_where_a_transform_ended(tmp_path: Path, source: MetaTensor) -> None:
    file = write_affine(MOVED_BY, tmp_path / "t.tfm")
    found = RegisterRigid()(ApplyAffine(file)(source, body(0)), body(0))
    np.testing.assert_allclose(motion_of(found), np.linalg.inv(MOVED_BY), atol=1e-6)  # nothing was left to gain
    assert "t.tfm; then rigid registration" in found.meta[REGISTRATION_KEY]


def _in_frame(modality: str, frame: str) -> MetaTensor:
    """A shipped series as if it had another frame of reference."""
    one = volume(modality)
    other = replace(identity(modality), frame_of_reference_uid=frame)
    return MetaTensor(one.as_tensor(), meta={**one.meta, "dicom": other.to_json()})


@pytest.mark.parametrize("back", [False, True], ids=["registered to the anchor", "registered to the source"])
def test_a_spatial_registration_knows_its_direction(tmp_path: Path, back: bool) -> None:
    pet, mr = _in_frame("PT", "1.2.3"), volume("MR")
    motion = rigid((3, 0, 0), 2)
    identities = [SeriesIdentity.from_meta(one.meta) for one in (mr, pet)]
    first, second = reversed(identities) if back else identities
    motions = {second.series_instance_uid: np.linalg.inv(motion) if back else motion}
    file = write_spatial_registration(first, identities, motions, tmp_path / "r.dcm")
    applied = ApplyAffine(file)(pet, mr, "PET", "MR")
    np.testing.assert_allclose(motion_of(applied), motion, atol=1e-6)
    assert CheckRegistration()(applied, mr) is not None  # different frames of reference are in order now
    with pytest.raises(ValueError, match="of different frames of reference"):
        CheckRegistration()(pet, mr)


def test_a_spatial_registration_of_other_series_is_refused(tmp_path: Path) -> None:
    uid = identity("PT").series_instance_uid
    file = write_spatial_registration(
        identity("MR"), [identity("MR"), identity("PT")], {uid: np.eye(4)}, tmp_path / "r.dcm"
    )
    stranger = replace(identity("CT"), frame_of_reference_uid="1.2.3")
    ct = MetaTensor(volume("CT").as_tensor(), meta={**volume("CT").meta, "dicom": stranger.to_json()})
    with pytest.raises(ValueError, match=r"r\.dcm: says nothing of CT .* 1\.2\.3; it registers the frames"):
        ApplyAffine(file)(ct, volume("MR"))
    with pytest.raises(ValueError, match=r"names DICOM series, but image is none; give a \.tfm"):
        ApplyAffine(file)(body(1), volume("MR"))
    mr = next((Path(__file__).parents[2] / "bundle/example/dicom_sts_013/MR").glob("*.dcm"))
    with pytest.raises(ValueError, match=r"is MR Image Storage, expected a Spatial Registration"):
        ApplyAffine(mr)


def test_pictures_are_not_moved(tmp_path: Path) -> None:
    file = write_affine(np.eye(4), tmp_path / "t.tfm")
    picture = MetaTensor(torch.rand(1, 8, 8, 1), meta={"without_place": True})
    with pytest.raises(ValueError, match="lies in no space"):
        ApplyAffined(["MR", "PET"], {"PET": file})({"MR": picture, "PET": picture})
