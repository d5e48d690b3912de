# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from monai.data import MetaTensor

from monai_ddfm.dicom.write.colour import write_colour_image
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from tests.dicom.shipped_study import identities, identity, stand_in
from tests.dicom.validators import needs_validators, validator_errors

MADE = Derivation(preset="mri_pet", seed=3)


def colours(anchor: str) -> MetaTensor:
    grey = stand_in(anchor)
    return MetaTensor(torch.cat([grey, grey**2, 1 - grey]).as_subclass(torch.Tensor), meta=grey.meta)


def write(file: Path, anchor: str = "MR", **options: object) -> Path:
    volume = options.pop("volume", colours(anchor))
    affine = stand_in(anchor).affine
    return write_colour_image(volume, affine, identity(anchor), identities(), file, MADE, **options)


@needs_validators
@pytest.mark.parametrize("anchor", ["MR", "CT", "PT"])
@pytest.mark.parametrize("pseudonym", [None, Pseudonym("ANON", key="k")], ids=["identified", "de-identified"])
def test_validators_find_no_error(tmp_path: Path, anchor: str, pseudonym: Pseudonym | None) -> None:
    assert validator_errors([write(tmp_path / "c.dcm", anchor, pseudonym=pseudonym)]) == []


@pytest.mark.parametrize("anchor", ["MR", "PT"])
def test_frames_are_the_slices_at_their_places(tmp_path: Path, anchor: str) -> None:
    dataset = pydicom.dcmread(write(tmp_path / "c.dcm", anchor))
    assert dataset.SOPClassUID.name == "Multi-frame True Color Secondary Capture Image Storage"
    expected = np.rint(colours(anchor).numpy().astype(float).clip(0, 1) * 255).transpose(3, 2, 1, 0)
    np.testing.assert_array_equal(dataset.pixel_array, expected)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    source = pydicom.dcmread(identity(anchor).instances[0].path)
    assert shared.PixelMeasuresSequence[0].PixelSpacing == source.PixelSpacing
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == source.ImageOrientationPatient
    places = [g.PlanePositionSequence[0].ImagePositionPatient for g in dataset.PerFrameFunctionalGroupsSequence]
    np.testing.assert_allclose(places, [i.image_position for i in identity(anchor).instances], atol=1e-9)
    assert dataset.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert list(dataset.PatientOrientation) == ["L", "P"]
    assert len(dataset.SourceImageSequence) == 72


def test_other_readers_place_the_frames(tmp_path: Path) -> None:
    file, affine = write(tmp_path / "c.dcm", "PT"), np.diag([-1, -1, 1, 1]) @ stand_in("PT").affine.numpy()
    image = sitk.ReadImage(str(file))
    np.testing.assert_allclose(image.GetOrigin(), affine[:3, 3], atol=1e-4)
    np.testing.assert_allclose(np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing(), affine[:3, :3], atol=1e-4)
    geometry = highdicom.imread(file).get_volume_geometry()
    assert sorted(geometry.spacing) == pytest.approx(sorted(image.GetSpacing()), rel=1e-5)


def test_bytes_are_taken_as_they_are(tmp_path: Path) -> None:
    as_bytes = (colours("PT").numpy().astype(float).clip(0, 1) * 255).round().astype(np.uint8)
    first = pydicom.dcmread(write(tmp_path / "a.dcm", "PT", volume=as_bytes))
    assert np.array_equal(first.pixel_array, pydicom.dcmread(write(tmp_path / "b.dcm", "PT")).pixel_array)


def test_refuses_what_is_no_colour(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[3, H, W, D\]"):
        write(tmp_path / "c.dcm", volume=stand_in("MR"))
    for bad in (2.0, -1.0, torch.nan):
        with pytest.raises(ValueError, match=r"colours lie in \[0, 1\]"):
            write(tmp_path / "c.dcm", volume=torch.full((3, 4, 4, 4), bad))
    with pytest.raises(ValueError, match="not read from DICOM"):
        write_colour_image(colours("MR"), torch.eye(4), None, identities(), tmp_path / "c.dcm")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "c.dcm", "PT")
    with pytest.raises(FileExistsError, match="is kept"):
        write(tmp_path / "c.dcm", "PT")
    write(tmp_path / "c.dcm", "PT", overwrite=True)
