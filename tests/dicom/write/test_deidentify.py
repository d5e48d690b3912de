# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from monai_ddfm.dicom.write.colour import write_colour_image
from monai_ddfm.dicom.write.deidentify import EMPTIED, REMOVED, REPLACED, Pseudonym
from monai_ddfm.dicom.write.grey import write_grey_series
from monai_ddfm.dicom.write.presentation import write_presentation_state
from tests.dicom.shipped_study import identities, identity, stand_in


def source_values() -> set[str]:
    """Everything in the sources that can tell who the patient is or lead back to the study."""
    values = set()
    for source in identities():
        header = pydicom.dcmread(source.instances[0].path)
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            values.add(str(header[keyword].value))
        for keyword in ("AccessionNumber", "StudyDate", "StudyTime", "StudyID"):
            values.add(str(header.get(keyword) or "STS_013"))
        values |= {instance.sop_instance_uid for instance in source.instances}
    return values


def write_all(folder: Path, pseudonym: Pseudonym | None) -> list[Path]:
    fused, anchor, sources = stand_in("PT"), identity("PT"), identities()
    grey = write_grey_series(fused, fused.affine, anchor, sources, folder / "grey", pseudonym=pseudonym)
    rgb = fused.repeat(3, 1, 1, 1)
    colour = write_colour_image(rgb, fused.affine, anchor, sources, folder / "c.dcm", pseudonym=pseudonym)
    return [*grey, colour, write_presentation_state(anchor, sources, folder / "p.dcm", pseudonym=pseudonym)]


def test_nothing_leads_back_to_the_patient(tmp_path: Path) -> None:
    files = write_all(tmp_path, Pseudonym("ANON-7", "Doe^Jane", key="secret"))
    known = source_values()
    for file in files:
        content = file.read_bytes()
        assert [value for value in known if value.encode() in content] == []
        dataset = pydicom.dcmread(file)
        assert (dataset.PatientID, dataset.PatientName) == ("ANON-7", "Doe^Jane")
        assert dataset.PatientIdentityRemoved == "YES"
        assert [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence] == ["113100", "113105"]
        assert all(dataset.get(keyword) in (None, "") for keyword in (*EMPTIED, *REMOVED))
        assert {dataset[keyword].value for keyword in REPLACED if keyword in dataset} <= {"19000101", "000000"}


def test_objects_still_refer_to_each_other(tmp_path: Path) -> None:
    files = write_all(tmp_path, Pseudonym("ANON", key="secret"))
    grey, colour, state = (pydicom.dcmread(file) for file in files[-3:])
    assert grey.StudyInstanceUID == colour.StudyInstanceUID == state.StudyInstanceUID
    assert grey.FrameOfReferenceUID == colour.FrameOfReferenceUID
    references = [{i.ReferencedSOPInstanceUID for i in d.SourceImageSequence} for d in (grey, colour)]
    assert references[0] == references[1] and len(references[0]) == 72
    assert {i.ReferencedSOPInstanceUID for i in state.ReferencedImageSequence} == references[0]
    assert grey.file_meta.MediaStorageSOPInstanceUID == grey.SOPInstanceUID


def test_only_the_key_gives_the_uids() -> None:
    assert Pseudonym("a", key="k").uid("1.2.3") == Pseudonym("b", key="k").uid("1.2.3")
    assert len({Pseudonym("a", key="k").uid("1.2.3"), Pseudonym("a").uid("1.2.3"), Pseudonym("a").uid("1.2.3")}) == 3
    assert Pseudonym("a", key="k").uid("1.2.3").is_valid
    assert Pseudonym("a").uid(pydicom.uid.MRImageStorage) == pydicom.uid.MRImageStorage
    assert "secret" not in repr(Pseudonym("a", key="secret"))


def test_uids_inside_sequences_and_lists_are_replaced() -> None:
    item, dataset = Dataset(), Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    dataset.SourceImageSequence = [item]
    dataset.RelatedGeneralSOPClassUID = ["1.2.4", "1.2.5"]
    pseudonym = Pseudonym("a", key="k")
    pseudonym.apply(dataset)
    assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == pseudonym.uid("1.2.3")
    assert list(dataset.RelatedGeneralSOPClassUID) == [pseudonym.uid("1.2.4"), pseudonym.uid("1.2.5")]


@pytest.mark.parametrize("bad", ["", "  ", "x" * 65, "a\\b"])
def test_refuses_an_id_that_dicom_cannot_hold(bad: str) -> None:
    with pytest.raises(ValueError, match="1 to 64 characters"):
        Pseudonym(bad)


def test_refuses_an_empty_key() -> None:
    with pytest.raises(ValueError, match="key"):
        Pseudonym("a", key="")
