# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging

import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from monai_ddfm.dicom.write.copied_attributes import COPIED, REQUIRED, copy_attributes, say_faults


def copied(**attributes: object) -> Dataset:
    anchor, derived = Dataset(), Dataset()
    with disable_value_validation():
        for keyword, value in attributes.items():
            setattr(anchor, keyword, value)
    copy_attributes(anchor, derived)
    say_faults(anchor)
    return derived


def test_required_attributes_are_there_even_when_empty() -> None:
    derived = copied(PatientID="P")
    assert set(REQUIRED) <= {element.keyword for element in derived}
    assert derived.PatientID == "P"
    assert not derived.StudyDate


def test_nothing_but_the_list_is_copied() -> None:
    derived = copied(PatientComments="a name", ImageComments="a name", PatientWeight=70, EthnicGroup="x")
    assert {element.keyword for element in derived} <= set(COPIED)
    assert derived.PatientWeight == 70


def test_a_text_that_is_too_long_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert copied(StudyID="IBSI_1_STS_013_MR_T1").StudyID == "IBSI_1_STS_013_M"
    assert "StudyID of the anchor is longer than 16 characters" in caplog.text


def test_a_value_that_breaks_its_rules_is_left_empty(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert not copied(StudyDate="yesterday").StudyDate
    assert "StudyDate of the anchor is no valid DA" in caplog.text


def test_names_of_any_script_are_kept() -> None:
    assert copied(PatientName="Yamada^Tarou=山田^太郎").PatientName.ideographic == "山田^太郎"


@pytest.mark.parametrize(("part", "expected"), [("KNEE", True), ("HEAD", False), (None, True)])
def test_laterality_of_a_paired_part_is_there(part: str | None, expected: bool) -> None:
    assert ("Laterality" in copied(BodyPartExamined=part)) is expected
    assert copied(BodyPartExamined="KNEE", Laterality="L").Laterality == "L"


def test_deidentified_sources_give_deidentified_objects() -> None:
    code, own = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", "free text"
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "MINE", "99X", "free text"
    derived = copied(PatientIdentityRemoved="YES", DeidentificationMethodCodeSequence=[code, own])
    assert [item.CodeMeaning for item in derived.DeidentificationMethodCodeSequence] == [
        "Basic Application Confidentiality Profile"
    ]
    derived = copied(PatientIdentityRemoved="YES", DeidentificationMethod="by hand, of Mr Smith")
    assert derived.DeidentificationMethod == "As the source images"
    assert "PatientIdentityRemoved" not in copied(PatientIdentityRemoved="NO")
