# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What cannot be fused is refused, by file and with a remedy."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_ddfm.transforms import CheckVolume, CheckVolumed
from tests.volumes import random_volume


def named(voxels: torch.Tensor) -> MetaTensor:
    return MetaTensor(voxels, meta={"filename_or_obj": "p01/MR.nii.gz"})


def test_good_volume_passes_as_float32() -> None:
    volume = random_volume(4, 5, 6)
    checked = CheckVolume()(MetaTensor(volume.to(torch.int16), meta=volume.meta))
    assert checked.dtype == torch.float32
    assert torch.equal(checked, volume.to(torch.int16).float())
    torch.testing.assert_close(checked.affine, volume.affine)


def test_picture_becomes_a_volume_of_one_slice() -> None:
    picture = torch.rand(1, 4, 5)
    checked = CheckVolume()(picture)
    assert checked.shape == (1, 4, 5, 1)
    assert torch.equal(checked[..., 0].as_tensor(), picture)


@pytest.mark.parametrize(
    ("voxels", "reason"),
    [
        (torch.rand(1, 5), "expected a 2-D image or a 3-D volume, found 1 dimensions"),
        (torch.rand(1, 4, 4, 4, 2), "found 4 dimensions"),
        (
            torch.rand(3, 4, 4, 4),
            r"expected one volume, found 3 of shape \(4, 4, 4\): a 4-D series .* extract the volume",
        ),
        (torch.rand(1, 4, 4, 4, dtype=torch.complex64), "complex voxels; fuse the magnitude"),
        (torch.rand(1, 4, 0, 4), r"no voxels, shape \(4, 0, 4\)"),
        (torch.full((1, 4, 4, 4), 7.0), "every voxel is 7, there is nothing to fuse; check the export"),
        (torch.zeros(1, 4, 4), "every voxel is 0"),
    ],
)
def test_refused(voxels: torch.Tensor, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"p01/MR\.nii\.gz: .*{reason}"):
        CheckVolume()(named(voxels))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_voxels_that_are_no_numbers_are_counted(value: float) -> None:
    voxels = torch.rand(1, 4, 4, 4)
    voxels[0, 1, 1, :3] = value
    with pytest.raises(ValueError, match=r"MR\.nii\.gz: 3 of 64 voxels are NaN or infinite; replace them first"):
        CheckVolume()(named(voxels))


def test_constant_volume_if_allowed() -> None:
    assert CheckVolume(allow_constant=True)(torch.ones(1, 2, 2, 2)).eq(1).all()


def test_dictionary_names_the_key_of_an_image_without_file() -> None:
    data = {"MR": torch.rand(1, 4, 4, 4), "PET": torch.zeros(1, 4, 4, 4), "case": "p01"}
    with pytest.raises(ValueError, match="PET: every voxel is 0"):
        CheckVolumed(["MR", "PET"])(data)
    checked = CheckVolumed(["MR", "CT"], allow_missing_keys=True)(data)
    assert isinstance(checked["MR"], MetaTensor)
    assert checked["case"] == "p01"
    assert not isinstance(data["MR"], MetaTensor)  # the caller's dictionary is left alone
