# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.grey import write_grey_series
from tests.dicom.shipped_study import FOLDERS, identities, identity, stand_in, turned_series
from tests.dicom.validators import needs_validators, validator_errors

MADE = Derivation(preset="mri_pet", seed=3)
SOP_CLASSES = {"MR": "MR Image Storage", "CT": "CT Image Storage", "PT": "Positron Emission Tomography Image Storage"}


def write(folder: Path, anchor: str = "MR", **options: object) -> list[Path]:
    fused = options.pop("fused", stand_in(anchor))
    return write_grey_series(fused, fused.affine, identity(anchor), identities(), folder, MADE, **options)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    return {anchor: write(tmp_path_factory.mktemp("grey") / anchor, anchor) for anchor in SOP_CLASSES}


def output_values(dataset: pydicom.Dataset) -> np.ndarray:
    """Pixels in the fused volume's unit: after the rescale, or the real world value mapping."""
    pixels = dataset.pixel_array.astype(float)
    if "RealWorldValueMappingSequence" in dataset:
        line = dataset.RealWorldValueMappingSequence[0]
        return pixels * line.RealWorldValueSlope + line.RealWorldValueIntercept
    return pixels * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))


@needs_validators
@pytest.mark.parametrize("anchor", SOP_CLASSES)
@pytest.mark.parametrize("pseudonym", [None, Pseudonym("ANON", key="k")], ids=["identified", "de-identified"])
def test_validators_find_no_error(tmp_path: Path, anchor: str, pseudonym: Pseudonym | None) -> None:
    assert validator_errors(write(tmp_path / "s", anchor, pseudonym=pseudonym)) == []


@needs_validators
def test_validators_find_no_error_in_scanner_units(tmp_path: Path) -> None:
    fused = stand_in("MR") * 1200.0
    assert validator_errors(write(tmp_path / "s", "MR", fused=fused, window=(50.0, 900.0))) == []


@pytest.mark.parametrize("anchor", SOP_CLASSES)
def test_values_and_places_are_the_volumes(written: dict[str, list[Path]], anchor: str) -> None:
    fused, source = stand_in(anchor), identity(anchor)
    for k, file in enumerate(written[anchor]):
        dataset = pydicom.dcmread(file)
        assert dataset.SOPClassUID.name == SOP_CLASSES[anchor]
        np.testing.assert_allclose(output_values(dataset), fused[0, :, :, k].numpy().T, atol=1.01 / 32767)
        assert np.allclose(dataset.ImagePositionPatient, source.instances[k].image_position, atol=1e-9)
        assert dataset.InstanceNumber == k + 1
    assert len(written[anchor]) == len(source.instances)


@pytest.mark.parametrize("anchor", SOP_CLASSES)
def test_what_is_copied_and_what_is_new(written: dict[str, list[Path]], anchor: str) -> None:
    derived = pydicom.dcmread(written[anchor][0])
    source = pydicom.dcmread(identity(anchor).instances[0].path)
    copied = ["PatientName", "PatientID", "PatientSex", "StudyInstanceUID", "StudyDate", "FrameOfReferenceUID"]
    copied += ["AccessionNumber", "BodyPartExamined", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"]
    assert {k: derived.get(k) for k in copied} == {k: source.get(k) for k in copied}
    if anchor != "PT":
        assert derived.PatientPosition == source.PatientPosition
    assert derived.SeriesInstanceUID != source.SeriesInstanceUID
    assert derived.SOPInstanceUID != source.SOPInstanceUID
    assert derived.ImageType[0] == "DERIVED"
    assert "preset mri_pet, seed 3" in derived.DerivationDescription
    assert (derived.BurnedInAnnotation, derived.LossyImageCompression) == ("NO", "00")
    purposes = [item.PurposeOfReferenceCodeSequence[0].CodeValue for item in derived.ContributingEquipmentSequence]
    assert purposes == ["109101", "109101", "109102"]  # CT and PET are one scanner


def test_pet_says_the_patient_position_in_codes(written: dict[str, list[Path]]) -> None:
    derived = pydicom.dcmread(written["PT"][0])
    orientation = derived.PatientOrientationCodeSequence[0]
    assert orientation.CodeMeaning == "recumbent"
    assert orientation.PatientOrientationModifierCodeSequence[0].CodeMeaning == "supine"
    assert derived.PatientGantryRelationshipCodeSequence[0].CodeMeaning == "feet-first"


def test_every_file_names_every_source_instance(written: dict[str, list[Path]]) -> None:
    wanted = {instance.sop_instance_uid for source in identities() for instance in source.instances}
    for file in (written["MR"][0], written["MR"][-1]):
        derived = pydicom.dcmread(file)
        assert {item.ReferencedSOPInstanceUID for item in derived.SourceImageSequence} == wanted
        assert {i.PurposeOfReferenceCodeSequence[0].CodeValue for i in derived.SourceImageSequence} == {"121322"}
        series = {item.SeriesInstanceUID: item.ReferencedInstanceSequence for item in derived.ReferencedSeriesSequence}
        assert set(series) == {source.series_instance_uid for source in identities()}
        assert {i.ReferencedSOPInstanceUID for items in series.values() for i in items} == wanted
        assert "StudiesContainingOtherReferencedInstancesSequence" not in derived


def test_sources_of_other_studies_are_listed_apart(tmp_path: Path) -> None:
    other = replace(identity("PT"), study_instance_uid="1.2.3")
    sources = [identity("MR"), other]
    fused = stand_in("MR")
    file = write_grey_series(fused, fused.affine, sources[0], sources, tmp_path / "s", MADE)[0]
    derived = pydicom.dcmread(file)
    assert len(derived.ReferencedSeriesSequence) == 1
    listed = derived.StudiesContainingOtherReferencedInstancesSequence[0]
    assert listed.StudyInstanceUID == "1.2.3"
    assert listed.ReferencedSeriesSequence[0].SeriesInstanceUID == other.series_instance_uid


def test_a_second_run_writes_the_same_instances(written: dict[str, list[Path]], tmp_path: Path) -> None:
    created = datetime(2024, 5, 6, 7, 8, 9)
    first = write(tmp_path / "a", created=created)
    second = write(tmp_path / "b", created=created)
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    assert pydicom.dcmread(first[0]).SOPInstanceUID == pydicom.dcmread(written["MR"][0]).SOPInstanceUID
    uids = {pydicom.dcmread(f).SOPInstanceUID for f in first}
    assert len(uids) == len(first)


def test_window_is_in_output_units(tmp_path: Path) -> None:
    rescaled = pydicom.dcmread(write(tmp_path / "ct", "CT", window=(0.1, 0.6))[0])
    assert float(rescaled.WindowCenter) == pytest.approx(0.35)
    assert float(rescaled.WindowWidth) == pytest.approx(0.5)
    mr = pydicom.dcmread(write(tmp_path / "mr", "MR", window=(0.1, 0.6))[0])
    line = mr.RealWorldValueMappingSequence[0]
    edges = np.array([-0.5, 0.5]) * float(mr.WindowWidth) + float(mr.WindowCenter)
    np.testing.assert_allclose(edges * line.RealWorldValueSlope + line.RealWorldValueIntercept, [0.1, 0.6], atol=1e-6)
    assert mr.VOILUTFunction == rescaled.VOILUTFunction == "LINEAR_EXACT"


@pytest.mark.parametrize("anchor", SOP_CLASSES)
def test_a_viewer_shows_the_windowed_volume(tmp_path: Path, anchor: str) -> None:
    """What pydicom's rescale and window make of a slice is the volume between black and white."""
    dataset = pydicom.dcmread(write(tmp_path / "s", anchor, window=(0.1, 0.6))[5])
    shown = pydicom.pixels.apply_windowing(pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset), dataset)
    black, white = shown.min(), shown.max()
    expected = ((stand_in(anchor)[0, :, :, 5].numpy().T - 0.1) / 0.5).clip(0, 1)
    np.testing.assert_allclose((shown - black) / (white - black), expected, atol=2e-3)


def test_private_tags_and_free_text_stay_behind(tmp_path: Path) -> None:
    """A name in any free text or private tag of the sources is in no byte of what is written."""
    text = {"PatientComments": "Zaphod", "StudyDescription": "Zaphod", "SeriesDescription": "Zaphod"}
    text |= {"ImageComments": "Zaphod", "ProtocolName": "Zaphod", "AdditionalPatientHistory": "Zaphod"}
    text |= {"OperatorsName": "Zaphod", "InstitutionName": "Zaphod", "DerivationDescription": "Zaphod"}
    folder = turned_series(Path(identity("MR").instances[0].path).parent, tmp_path / "source", np.eye(3), [text] * 24)
    for file in folder.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.private_block(0x0029, "Zaphod's", create=True).add_new(1, "LO", "Zaphod")
        dataset.save_as(file)
    source = SeriesIdentity.from_meta(read_series(folder).meta)
    fused = stand_in("MR")
    for file in write_grey_series(fused, fused.affine, source, [source, identity("PT")], tmp_path / "s", MADE):
        assert b"Zaphod" not in file.read_bytes()


def test_lossy_and_burned_in_sources_are_told(tmp_path: Path) -> None:
    lossy = {
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": 9,
        "LossyImageCompressionMethod": "ISO_10918_1",
    }
    folder = turned_series(
        Path(identity("PT").instances[0].path).parent,
        tmp_path / "pt",
        np.eye(3),
        [{**lossy, "BurnedInAnnotation": "YES"}] * 24,
    )
    source = SeriesIdentity.from_meta(read_series(folder).meta)
    fused = stand_in("MR")
    file = write_grey_series(fused, fused.affine, identity("MR"), [identity("MR"), source], tmp_path / "s", MADE)[0]
    derived = pydicom.dcmread(file)
    assert (derived.LossyImageCompression, derived.LossyImageCompressionRatio) == ("01", 9)
    assert derived.BurnedInAnnotation == "YES"


def test_an_enhanced_anchor_gives_a_classic_series(tmp_path: Path, make_series: Callable[..., list[Path]]) -> None:
    """Frames of one multi-frame instance are referred to by number; the derived series has one file per slice."""
    file = make_series(count=1)[0]
    source = identity("MR")
    frames = tuple(
        replace(i, path=str(file), sop_instance_uid="1.2.3.77", frame_number=k + 1)
        for k, i in enumerate(source.instances)
    )
    enhanced = replace(source, series_instance_uid="1.2.3.4.1", study_instance_uid="1.2.3.4", instances=frames)
    fused = stand_in("MR")
    written = write_grey_series(fused, fused.affine, enhanced, [enhanced, identity("PT")], tmp_path / "s", MADE)
    first = pydicom.dcmread(written[0]).SourceImageSequence[0]
    assert first.ReferencedSOPInstanceUID == "1.2.3.77"
    assert list(first.ReferencedFrameNumber) == list(range(1, 25))
    assert len(written) == 24


def test_sources_inside_a_zip_are_read_again(tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "pet"), "zip", FOLDERS["PT"])
    volume = read_series(packed)
    source = SeriesIdentity.from_meta(volume.meta)
    written = write_grey_series(volume, volume.affine, source, [source, identity("MR")], tmp_path / "s", MADE)
    assert pydicom.dcmread(written[0]).PatientID == "STS_013"


def test_a_reoriented_volume_is_put_back(written: dict[str, list[Path]], tmp_path: Path) -> None:
    turned = Orientation("ASL", labels=(("L", "R"), ("P", "A"), ("I", "S")))(stand_in("MR"))
    again = write(tmp_path / "s", "MR", fused=turned)
    for before, after in zip(written["MR"], again, strict=True):
        np.testing.assert_array_equal(pydicom.dcmread(before).pixel_array, pydicom.dcmread(after).pixel_array)
        assert pydicom.dcmread(before).ImagePositionPatient == pydicom.dcmread(after).ImagePositionPatient


def test_refuses_what_cannot_be_a_series(tmp_path: Path) -> None:
    fused, mr = stand_in("MR"), identity("MR")
    with pytest.raises(ValueError, match="not read from DICOM"):
        write_grey_series(fused, fused.affine, None, [mr], tmp_path / "s")
    with pytest.raises(ValueError, match="must be one of the sources"):
        write_grey_series(fused, fused.affine, mr, [identity("PT")], tmp_path / "s")
    with pytest.raises(ValueError, match="needs an anchor of modality MR, CT, PT, NM, got US"):
        ultrasound = replace(mr, modality="US")
        write_grey_series(fused, fused.affine, ultrasound, [ultrasound], tmp_path / "s")
    with pytest.raises(ValueError, match="one channel, got 3"):
        write_grey_series(fused.repeat(3, 1, 1, 1), fused.affine, mr, [mr], tmp_path / "s")
    with pytest.raises(ValueError, match="NaN or infinity"):
        broken = MetaTensor(torch.full_like(fused.as_tensor(), torch.nan), meta=fused.meta)
        write_grey_series(broken, fused.affine, mr, [mr], tmp_path / "s")
    with pytest.raises(ValueError, match="black below white"):
        write_grey_series(fused, fused.affine, mr, [mr], tmp_path / "s", window=(1.0, 1.0))
    with pytest.raises(FileNotFoundError):
        gone = replace(mr, instances=tuple(replace(i, path=str(tmp_path / "gone.dcm")) for i in mr.instances))
        write_grey_series(fused, fused.affine, gone, [gone], tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_series_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "s")
    before = {file.name: file.read_bytes() for file in (tmp_path / "s").iterdir()}
    with pytest.raises(FileExistsError, match="is kept"):
        write(tmp_path / "s")
    assert {file.name: file.read_bytes() for file in (tmp_path / "s").iterdir()} == before
    write(tmp_path / "s", overwrite=True)


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save, calls = pydicom.Dataset.save_as, []

    def fail_at_the_tenth(self: pydicom.Dataset, *args: object, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) == 10:
            raise OSError(28, "No space left on device")
        save(self, *args, **kwargs)

    monkeypatch.setattr(pydicom.Dataset, "save_as", fail_at_the_tenth)
    with pytest.raises(OSError, match="no space left"):
        write(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []
