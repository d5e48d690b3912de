# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch

from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.transforms import NormalizeModality, RestoreIntensity, WriteDicom, WriteDicomd
from tests.dicom.shipped_study import FOLDERS, identity, volume
from tests.dicom.validators import needs_validators, validator_errors


def case(anchor: str = "MR") -> dict[str, object]:
    """MR and PET of the shipped study, normalised, with the anchor as its own fusion."""
    data = {modality: MetaTensor(NormalizeModality(modality)(volume(modality))) for modality in ("MR", "PT")}
    fused = RestoreIntensity()(data[anchor], like=data[anchor])
    colour = MetaTensor(((data[anchor] + 1) / 2).repeat(3, 1, 1, 1).clamp(0, 1), meta=data[anchor].meta)
    return {"case": "sts", **data, "pred": fused, "colour": colour}


def write(folder: Path, data: dict[str, object], **options: object) -> list[str]:
    keys = options.pop("keys", ["pred", "colour"])
    options = {"sources": ["MR", "PT"], "preset": "mri_pet", "seed": 1, **options}
    WriteDicomd(keys, folder, **options)(data)
    return sorted(path.name for path in folder.iterdir())


@needs_validators
@pytest.mark.parametrize("anchor", ["MR", "PT"])
def test_a_case_is_one_valid_study(tmp_path: Path, anchor: str) -> None:
    names = write(tmp_path, case(anchor), anchor=anchor, suffixes=["fused", "colour"])
    assert names == ["sts_colour.dcm", "sts_fused", "sts_overlay.dcm"]  # this PET is rescaled slice by slice
    assert validator_errors([path for path in tmp_path.rglob("*") if path.is_file()]) == []


def test_what_is_cut_is_said_once_for_all_objects(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(write(tmp_path, case())) == 3
    assert caplog.text.count("StudyID of the anchor is longer than 16 characters") == 1


def test_the_anchors_range_is_the_window(tmp_path: Path) -> None:
    data = case()
    write(tmp_path, data, keys="pred")
    low, high = data["MR"].meta["intensity_range"]
    dataset = pydicom.dcmread(tmp_path / "sts_pred" / "0001.dcm")
    assert float(dataset.WindowWidth) == pytest.approx(high - low)
    assert float(dataset.WindowCenter) == pytest.approx((high + low) / 2)
    assert "preset mri_pet, seed 1" in dataset.DerivationDescription
    np.testing.assert_allclose(dataset.pixel_array, data["pred"][0, :, :, 0].numpy().T, atol=0.5001)


def test_the_overlay_has_the_window_of_each_source(tmp_path: Path) -> None:
    """The PET's range is SUV, its files hold Bq/ml or SUV: the window is in the files' unit."""
    data = case()
    write(tmp_path, data)
    state = pydicom.dcmread(tmp_path / "sts_overlay.dcm")
    windows = {i.SeriesInstanceUID: i.SoftcopyVOILUTSequence[0] for i in state.AdvancedBlendingSequence}
    for modality in ("MR", "PT"):
        raw = read_series(FOLDERS[modality], suv=False)
        factor = float(volume(modality).max() / raw.max())
        low, high = data[modality].meta["intensity_range"]
        window = windows[identity(modality).series_instance_uid]
        assert float(window.WindowWidth) == pytest.approx((high - low) / factor, rel=1e-4)


def test_identities_survive_a_batch(tmp_path: Path) -> None:
    """What a dataloader collates and an evaluator takes apart again can still be written."""
    data = {key: value for key, value in case().items() if key not in ("PT", "colour")}
    batch = next(iter(DataLoader(Dataset([data]), batch_size=1)))
    assert write(tmp_path, decollate_batch(batch)[0], keys="pred", sources=["MR"]) == ["sts_pred"]


def test_a_patient_can_be_renamed(tmp_path: Path) -> None:
    write(tmp_path, case(), new_patient_id="ANON", pseudonym_key="secret")
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert pydicom.dcmread(file).PatientID == "ANON"
        assert b"STS_013" not in file.read_bytes()


def test_an_anchor_without_identity_is_refused(tmp_path: Path) -> None:
    data = case()
    del data["MR"].meta["dicom"]
    data["MR"].meta["filename_or_obj"] = "mr.nii.gz"
    with pytest.raises(ValueError, match=r"mr\.nii\.gz: the anchor was not read from DICOM"):
        write(tmp_path, data)
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_identity_is_said_and_enters_the_uids(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = case()
    del data["PT"].meta["dicom"]
    with caplog.at_level(logging.WARNING):
        assert write(tmp_path / "a", data) == ["sts_colour.dcm", "sts_pred"]  # no overlay of one series
    assert "is no DICOM: the fused objects cannot refer to it" in caplog.text
    data["PT"] = data["PT"] * 0.5
    write(tmp_path / "b", data)
    uids = {pydicom.dcmread(tmp_path / run / "sts_pred" / "0001.dcm").SOPInstanceUID for run in "ab"}
    assert len(uids) == 2


def test_two_sources_of_the_same_instances_are_refused(tmp_path: Path) -> None:
    data = case()
    data["PT"].meta["dicom"] = data["MR"].meta["dicom"]
    with pytest.raises(ValueError, match="'MR' and 'PT' name the same DICOM instances"):
        write(tmp_path, data)


def test_existing_objects_are_kept(tmp_path: Path) -> None:
    write(tmp_path, case())
    with pytest.raises(FileExistsError, match="is kept"):
        write(tmp_path, case())
    write(tmp_path, case(), overwrite=True)


def test_the_anchor_is_a_source() -> None:
    with pytest.raises(ValueError, match="must be one of the sources"):
        WriteDicomd("pred", "out", ["MR", "PT"], anchor="CT")


def test_a_volume_without_affine_lies_on_the_anchor(tmp_path: Path) -> None:
    data = case()
    data["pred"] = data["pred"].as_subclass(torch.Tensor)
    write(tmp_path, data, keys="pred")
    source = identity("MR").instances[0].image_position
    first = pydicom.dcmread(tmp_path / "sts_pred" / "0001.dcm")
    np.testing.assert_allclose(first.ImagePositionPatient, source, atol=1e-6)


@needs_validators
def test_a_ct_opens_in_a_window_of_soft_tissue(tmp_path: Path) -> None:
    scale = NormalizeModality("CT", ct_window=(-100, 900)), NormalizeModality("PT")
    data = {key: MetaTensor(one(volume(key))) for key, one in zip(("CT", "PT"), scale, strict=True)}
    data["pred"] = RestoreIntensity()(data["CT"], like=data["CT"])
    WriteDicomd("pred", tmp_path, sources=["CT", "PT"])({"case": "sts", **data})
    dataset = pydicom.dcmread(tmp_path / "sts_pred" / "0012.dcm")
    assert (list(dataset.WindowCenter), list(dataset.WindowWidth)) == ([40, 400], [400, 1000])
    assert list(dataset.WindowCenterWidthExplanation) == ["Soft tissue", "Fused image"]
    shown = pydicom.pixels.apply_windowing(pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset), dataset)
    muscle = (volume("CT")[0, :, :, 11].numpy().T > 20) & (volume("CT")[0, :, :, 11].numpy().T < 80)
    levels = (shown[muscle] - shown.min()) / np.ptp(shown)
    assert 0.35 < levels.mean() < 0.65  # mid grey, where the whole range shows it nearly black, at 0.15
    assert validator_errors(sorted((tmp_path / "sts_pred").iterdir())) == []
    WriteDicomd("pred", tmp_path / "own", sources=["CT", "PT"], window=(0.0, 100.0))({"case": "sts", **data})
    assert pydicom.dcmread(tmp_path / "own" / "sts_pred" / "0012.dcm").WindowCenter == 50  # what was asked for


@needs_validators
@pytest.mark.parametrize("anchor", ["MR", "CT", "PT"])
def test_sources_that_do_not_say_the_body_part(tmp_path: Path, anchor: str) -> None:
    """Laterality is type 2C: without a body part that is known to be unpaired it must be there, if empty."""
    data = {}
    for modality in {anchor, "PT", "MR"}:
        folder = tmp_path / modality
        folder.mkdir()
        for file in sorted(FOLDERS[modality].glob("*.dcm"))[:5]:
            dataset = pydicom.dcmread(file)
            for keyword in ("BodyPartExamined", "Laterality"):
                dataset.pop(keyword, None)
            dataset.save_as(folder / file.name)
        data[modality] = MetaTensor(NormalizeModality(modality)(read_series(folder)))
    data["pred"] = RestoreIntensity()(data[anchor], like=data[anchor])
    data["colour"] = MetaTensor(((data[anchor] + 1) / 2).repeat(3, 1, 1, 1).clamp(0, 1), meta=data[anchor].meta)
    sources = [key for key in data if key not in ("pred", "colour")]
    WriteDicomd(["pred", "colour"], tmp_path / "out", sources=sources, anchor=anchor)({"case": "sts", **data})
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == 5 + 2
    assert validator_errors(files) == []


def test_no_message_names_the_patient(tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn) -> None:  # type: ignore[no-untyped-def]
    with caplog.at_level(logging.DEBUG):
        write(tmp_path, case(), new_patient_id="ANON", parametric_map=True)
    said = f"{caplog.text} {[str(one.message) for one in recwarn]}"
    assert identity("MR").patient_id == "STS_013" and "STS_013" not in said


def test_array_form_writes_the_same_instances(tmp_path: Path) -> None:
    data = case()
    sources = {modality: data[modality] for modality in ("MR", "PT")}
    WriteDicom(preset="mri_pet", seed=1)({"pred": data["pred"], "colour": data["colour"]}, sources, tmp_path / "a/sts")
    names = write(tmp_path / "b", data)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    first, second = (pydicom.dcmread(tmp_path / run / "sts_pred" / "0001.dcm") for run in "ab")
    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert first.PixelData == second.PixelData


def test_secrets_are_not_shown() -> None:
    made = WriteDicomd("pred", "out", ["MR"], new_patient_id="ANON", pseudonym_key="hush")
    assert "hush" not in repr(made) and "pseudonym_key=..." in repr(made)
