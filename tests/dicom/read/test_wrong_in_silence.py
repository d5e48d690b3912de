# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Headers that are wrong in one place, which once gave a wrong volume without a word."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.transforms import ReadSource


def philips_private_groups(shared: Dataset, frames: list[Dataset]) -> None:
    """What Philips adds to every frame: a private sequence with a classic header, its corner half a pixel off."""
    for k, frame in enumerate(frames):
        classic, inner = Dataset(), Dataset()
        classic.ImagePositionPatient, classic.ImageOrientationPatient = [-10.75, -20.625, 9.0 - k], [0, 1, 0, 1, 0, 0]
        classic.PixelSpacing, classic.RescaleSlope, classic.RescaleIntercept = [3, 3], 7, 100
        inner.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x0F, "SQ", [classic])
        frame.update(inner)


def test_philips_private_sequence_moves_nothing(make_enhanced) -> None:
    volume = ReadSource()(make_enhanced(4, philips_private_groups))
    for k in range(4):  # the plane position is voxel (0, 0, k), in RAS
        np.testing.assert_allclose(volume.affine.numpy() @ [0, 0, k, 1], [10, 20, 2.5 * k, 1], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(volume.affine.numpy()[:3, :3], axis=0), [1.25, 1.5, 2.5])
    assert volume[0, 3, 2].tolist() == [23, 123, 223, 323]  # and no private rescale


PET = {"modality": "PT", "Units": "BQML", "RescaleIntercept": 0}


def test_one_pet_slice_without_slope(make_series) -> None:
    folder = make_series(each=[{"RescaleSlope": 1e-4}, {}, {"RescaleSlope": 2e-4}], **PET)[0].parent
    with pytest.raises(ValueError, match=r"001\.dcm has no RescaleSlope, 2 other slices of its series have one"):
        ReadSource()(folder)


@pytest.mark.parametrize("slope", ["0", "-1", "NaN", "1e39", "inf", "-0.0"])
def test_slopes_that_are_none(make_series, slope: str) -> None:
    folder = make_series(each=[{"RescaleSlope": "1e-4"}, {"RescaleSlope": slope}], **PET)[0].parent
    with pytest.raises(ValueError, match=r"001\.dcm: RescaleSlope .* are no rescale"):
        ReadSource()(folder)


@pytest.mark.parametrize("intercept", ["inf", "NaN", "-1e39"])
def test_intercepts_that_are_none(make_series, intercept: str) -> None:
    paths = make_series(modality="CT", RescaleSlope=1, RescaleIntercept=intercept)
    with pytest.raises(ValueError, match=r"000\.dcm: RescaleSlope .* are no rescale"):
        ReadSource()(paths[0].parent)


def test_pet_without_any_slope_is_no_suv(make_series) -> None:
    paths = make_series(modality="PT", Units="GML")
    with pytest.warns(UserWarning, match=r"no SUV \(RescaleSlope is missing"):
        assert read_series(paths[0].parent).meta["units"] == "GML"


def test_different_slices_of_one_uid_are_all_read(make_series, caplog) -> None:
    folder = make_series(count=12, SOPInstanceUID="1.2.3.4.5")[0].parent
    volume = ReadSource()(folder)
    assert volume[0, 0, 0].tolist() == [100 * k for k in range(12)]
    assert caplog.text.count("have the SOPInstanceUID of another image") == 1
    assert "11 image(s)" in caplog.text
    identity = SeriesIdentity.from_meta(volume.meta)
    assert identity is not None and len(identity.instances) == 12


def test_one_uid_and_place_but_other_pixels(make_series) -> None:
    paths = make_series(count=3)
    changed = dcmread(paths[1])
    changed.PixelData = bytes(len(changed.PixelData))
    changed.save_as(paths[0].parent / "edited.dcm")
    with pytest.raises(ValueError, match="4 slices lie at 3 positions"):
        ReadSource()(paths[0].parent)


def test_copies_in_another_packing_are_copies(make_series, caplog) -> None:
    paths = make_series(count=3)
    packed = dcmread(paths[2])
    packed.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    packed.save_as(paths[0].parent / "copy.dcm")
    assert ReadSource()(paths[0].parent).shape == (1, 5, 6, 3)
    assert "second copy" in caplog.text


@pytest.mark.parametrize("strayed", [0, 2, 5])
def test_one_slice_beside_the_others(make_series, strayed: int) -> None:
    each = [{"ImagePositionPatient": [-10 + 10.0 * (k == strayed), -20, 2 * k]} for k in range(6)]
    folder = make_series(each=each)[0].parent
    with pytest.raises(ValueError, match=rf"00{strayed}\.dcm lies 10\.00 mm beside the line"):
        ReadSource()(folder)


def test_two_halves_beside_one_another(make_series) -> None:
    each = [{"ImagePositionPatient": [-10, -20 + 7.0 * (k > 3), 2 * k]} for k in range(8)]
    with pytest.raises(ValueError, match="mm beside the line"):
        ReadSource()(make_series(each=each)[0].parent)


def test_a_tilt_in_rounded_positions_passes(make_series, caplog) -> None:
    each = [{"ImagePositionPatient": [-10, round(-20 + 0.3 * k, 1), round(1.9 * k, 1)]} for k in range(40)]
    ReadSource()(make_series(each=each)[0].parent)
    assert "resampled to a regular grid" in caplog.text


def test_values_larger_than_their_bits(make_series) -> None:
    paths = make_series(count=4)
    for path, stored in ((paths[3], 8), (paths[1], 12)):
        dataset = dcmread(path)
        dataset.BitsStored, dataset.HighBit = stored, stored - 1
        dataset.save_as(path)
    with pytest.raises(ValueError, match=r"003\.dcm: BitsStored is 8, but its pixels hold larger values \(0 to 354"):
        ReadSource()(paths[0].parent)


@pytest.mark.parametrize("spacing", [[1e9, 1e9], [1.0, 1e-9], [0, 1], [1, -1]])
def test_spacings_that_are_none(make_series, spacing: list[float]) -> None:
    with pytest.raises(ValueError, match=r"000\.dcm: PixelSpacing .* is no distance between pixels"):
        ReadSource()(make_series(PixelSpacing=spacing)[0].parent)


def test_positions_that_are_none(make_series) -> None:
    with pytest.raises(ValueError, match="further than 100000 mm from the origin"):
        ReadSource()(make_series(each=[{"ImagePositionPatient": [0, 0, 1e30 * k]} for k in range(3)])[0].parent)


def test_writing_from_a_pet_whose_slices_lack_a_slope(tmp_path: Path) -> None:
    """Once an AttributeError without a word; such a PET is now refused where it is read."""
    from tests.dicom.shipped_study import FOLDERS

    folder = shutil.copytree(FOLDERS["PT"], tmp_path / "PET")
    file = sorted(folder.glob("*.dcm"))[3]
    dataset = dcmread(file)
    del dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.save_as(file)
    with pytest.raises(ValueError, match=f"{file.name} has no RescaleSlope"):
        ReadSource()(folder)
