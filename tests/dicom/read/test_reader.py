# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Whole series as volumes: real CT, MR and PET, a tilted CT, multi-frame objects, and MONAI's loader."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from monai.data import DataLoader, Dataset, decollate_batch
from monai.transforms import Compose, LoadImaged, Orientationd
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import DDFMDicomReader, read_series

ROOT = Path(__file__).parents[3]
STUDY = ROOT / "bundle/example/dicom_sts_013"
TILTED_CT = ROOT / "tests/data/ct_tilt"


def simpleitk_volume(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a classic series with SimpleITK: array [x, y, z] and affine in RAS."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine


@pytest.mark.parametrize(("modality", "units"), [("CT", "HU"), ("MR", ""), ("PET", "SUVbw")])
def test_real_series_as_simpleitk_reads_it(modality: str, units: str) -> None:
    volume = read_series(STUDY, modality=modality)
    array, affine = simpleitk_volume(STUDY / modality)
    np.testing.assert_allclose(volume[0].numpy(), array, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(volume.affine.numpy(), affine, atol=2e-4)
    assert volume.meta["units"] == units
    identity = SeriesIdentity.from_meta(volume.meta)
    assert identity is not None and not identity.resampled and identity.patient_id == "STS_013"
    for k in (0, 11, 23):  # instance k is slice k
        source = dcmread(identity.instances[k].path)
        assert source.SOPInstanceUID == identity.instances[k].sop_instance_uid
        slope, intercept = float(source.get("RescaleSlope", 1)), float(source.get("RescaleIntercept", 0))
        stored = source.pixel_array.T * slope + intercept
        np.testing.assert_allclose(volume[0, :, :, k].numpy(), stored, rtol=1e-6)
        x, y, z = identity.instances[k].image_position
        np.testing.assert_allclose((volume.affine.numpy() @ [0, 0, k, 1])[:3], [-x, -y, z], atol=0.01)


def test_suv_of_a_real_tumour() -> None:
    pet = read_series(STUDY, modality="PT")[0].numpy()
    assert pet.max() == pytest.approx(6.27, abs=0.01)
    body = pet[pet > 0.1]
    assert 0.3 < np.median(body) < 1.0  # muscle and fat in a resting thigh


def test_activity_becomes_the_same_suv(tmp_path: Path) -> None:
    """The SUV series turned back into Bq/ml (injected dose, weight) must come out as it was."""
    expected = read_series(STUDY, modality="PT")
    for path in sorted((STUDY / "PET").glob("*.dcm")):
        dataset = dcmread(path)
        dose = float(dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose)
        dataset.Units = "BQML"
        dataset.RescaleSlope = f"{float(dataset.RescaleSlope) * dose / (float(dataset.PatientWeight) * 1000):.9e}"
        dataset.save_as(tmp_path / path.name)
    volume = read_series(tmp_path)
    assert volume.meta["units"] == "SUVbw"
    np.testing.assert_allclose(volume.numpy(), expected.numpy(), rtol=1e-5)
    activity = read_series(tmp_path, suv=False)
    assert activity.meta["units"] == "BQML" and activity.max() > 10_000


def test_pet_without_dose_stays_raw_and_warns(make_series) -> None:
    paths = make_series(modality="PT", Units="BQML", CorrectedImage=["ATTN", "DECY"], RescaleSlope=1)
    with pytest.warns(UserWarning, match="no SUV \\(PatientWeight is missing"):
        volume = read_series(paths[0].parent)
    assert volume.meta["units"] == "BQML" and volume[0, 0, 0, 1] == 100


def test_tilted_uneven_ct_is_resampled_and_said(caplog) -> None:
    volume = read_series(TILTED_CT)
    assert "tilt 18.50 degrees, steps 1.08 to 7.00 mm) resampled to a regular grid" in caplog.text
    affine = volume.affine.numpy()
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    np.testing.assert_allclose(affine[:3, :3].T @ affine[:3, :3], np.diag(spacing**2), atol=1e-6)
    np.testing.assert_allclose(spacing, [1.953, 1.953, 4.0], atol=0.01)
    identity = SeriesIdentity.from_meta(volume.meta)
    assert identity is not None and identity.resampled and len(identity.instances) == 28
    # a source slice in the evenly spaced part must be found again at its own place in space
    one = identity.instances[0]
    source = dcmread(one.path)
    corner = np.diag([-1.0, -1.0, 1.0, 1.0]) @ [*one.image_position, 1]
    i, j, k = (np.linalg.inv(affine) @ corner)[:3]
    assert abs(k) < 0.01 and abs(i) < 0.01
    low, part = int(np.floor(j + 1e-6)), j - np.floor(j + 1e-6)
    stored = source.pixel_array.T.astype(float) * float(source.RescaleSlope) + float(source.RescaleIntercept)
    found = volume[0, :, low : low + 128, 0].numpy()
    inner = stored.copy()
    inner[:, 1:] = (1 - part) * stored[:, 1:] + part * stored[:, :-1]
    measured = (source.pixel_array != source.PixelPaddingValue).T
    measured[:, 1:] &= measured[:, :-1]
    measured[:, 0] = False
    np.testing.assert_allclose(found[measured], inner[measured], atol=0.5)


def test_gaps_are_refused_unless_allowed(make_series, caplog) -> None:
    paths = make_series(count=6)
    paths[3].unlink()
    with pytest.raises(ValueError, match=r"slices are missing in MR[\s\S]*about 1 slice\(s\) missing"):
        read_series(paths[0].parent)
    volume = read_series(paths[0].parent, allow_gaps=True)
    assert "interpolated over gaps" in caplog.text
    np.testing.assert_allclose(volume[0, 0, 0].numpy(), [0, 100, 200, 300, 400, 500])


def test_selected_echo(make_series) -> None:
    each = [{"ImagePositionPatient": [0, 0, z], "EchoTime": echo} for z in (0, 2) for echo in (30, 90)]
    folder = make_series(each=each)[0].parent
    with pytest.raises(ValueError, match="4 slices lie at 2 positions"):
        read_series(folder)
    assert read_series(folder, select={"EchoTime": 90})[0, 0, 0].tolist() == [100, 300]


def test_slices_in_different_units(make_series) -> None:
    paths = make_series(modality="PT", each=[{"Units": "BQML"}, {"Units": "GML"}])
    with pytest.raises(ValueError, match="different units: BQML, GML"):
        read_series(paths[0].parent)


CONVERTED = {
    "CT": highdicom.legacy.LegacyConvertedEnhancedCTImage,
    "MR": highdicom.legacy.LegacyConvertedEnhancedMRImage,
    "PET": highdicom.legacy.LegacyConvertedEnhancedPETImage,
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("modality", list(CONVERTED))
def test_enhanced_multi_frame_equals_classic(tmp_path: Path, modality: str) -> None:
    paths = sorted((STUDY / modality).glob("*.dcm"))[:5]
    classic = [dcmread(path) for path in paths]
    for dataset in classic:
        dataset.AcquisitionDate, dataset.AcquisitionTime = "20000813", "145713"
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    enhanced = CONVERTED[modality](classic, generate_uid(), 9, generate_uid(), 1)
    enhanced.save_as(tmp_path / "enhanced.dcm")
    expected, volume = read_series(paths, suv=False), read_series(tmp_path / "enhanced.dcm", suv=False)
    np.testing.assert_allclose(volume.numpy(), expected.numpy(), rtol=1e-6)
    np.testing.assert_allclose(volume.affine.numpy(), expected.affine.numpy(), atol=1e-6)
    identity = SeriesIdentity.from_meta(volume.meta)
    assert identity is not None and sorted(one.frame_number or 0 for one in identity.instances) == [1, 2, 3, 4, 5]


def test_nuclear_medicine_multi_frame(make_nuclear_medicine) -> None:
    volume = read_series(make_nuclear_medicine(slices=4, spacing=-3.0))
    assert volume.meta["modality"] == "NM"
    assert volume[0, 1, 2].tolist() == [321, 221, 121, 21]  # ascending along the normal: last frame first
    np.testing.assert_allclose(volume.affine[:3, 3], [0, 0, -2])


def test_zip_gives_the_same_volume(tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "study"), "zip", STUDY / "PET")
    volume = read_series(archive)
    np.testing.assert_array_equal(volume.numpy(), read_series(STUDY / "PET").numpy())
    identity = SeriesIdentity.from_meta(volume.meta)
    assert identity is not None and zipfile.is_zipfile(identity.instances[0].path.split("!/")[0])


def test_load_imaged_through_workers() -> None:
    load = Compose(
        [
            LoadImaged(["MR"], reader=DDFMDicomReader, modality="MR", ensure_channel_first=True),
            LoadImaged(["PET"], reader=DDFMDicomReader(modality="PT"), ensure_channel_first=True),
            Orientationd(["MR", "PET"], axcodes="RAS", labels=None),
        ]
    )
    loader = DataLoader(Dataset([{"MR": str(STUDY), "PET": str(STUDY)}], load), batch_size=1, num_workers=1)
    case = decollate_batch(next(iter(loader)))[0]
    assert case["MR"].shape == (1, 179, 140, 24) and case["PET"].shape == (1, 63, 54, 24)
    expected = read_series(STUDY, modality="MR")
    assert (case["MR"].meta["modality"], case["PET"].meta["units"]) == ("MR", "SUVbw")
    assert SeriesIdentity.from_meta(case["MR"].meta) == SeriesIdentity.from_meta(expected.meta)
    np.testing.assert_array_equal(case["MR"].flip(1, 2).numpy(), expected.numpy())


def test_load_imaged_leaves_nifti_to_the_other_readers(tmp_path: Path) -> None:
    array = np.random.default_rng(0).random((4, 5, 6), dtype=np.float32)
    nibabel.save(nibabel.Nifti1Image(array, np.diag([2.0, 3, 4, 1])), tmp_path / "a.nii.gz")
    loaded = LoadImaged(["image"], reader=DDFMDicomReader())({"image": tmp_path / "a.nii.gz"})["image"]
    np.testing.assert_array_equal(loaded.numpy(), array)


def test_load_imaged_does_not_load_what_is_refused(make_series) -> None:
    """MONAI would try its own DICOM reader after an error in `read`; the refusal must get through."""
    paths = make_series(count=6)
    paths[3].unlink()
    with pytest.raises(ValueError, match="slices are missing"):
        LoadImaged(["image"], reader=DDFMDicomReader())({"image": str(paths[0].parent)})


def test_reader_asks_the_files_beginning(tmp_path: Path) -> None:
    reader = DDFMDicomReader()
    assert reader.verify_suffix(str(STUDY)) and reader.verify_suffix([str(STUDY / "PET/000036.dcm")])
    (tmp_path / "a.nii").write_bytes(b"\0" * 400)
    assert not reader.verify_suffix(tmp_path / "a.nii")
    with pytest.raises(ValueError, match=r"a\.nii: no DICOM file"):
        reader.read(tmp_path / "a.nii")
