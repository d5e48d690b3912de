# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.presentation import write_presentation_state
from tests.dicom.shipped_study import identities, identity
from tests.dicom.validators import needs_validators, validator_errors

MADE = Derivation(seed=3)


def write(file: Path, anchor: str = "MR", **options: object) -> Path:
    return write_presentation_state(identity(anchor), identities(), file, derivation=MADE, **options)


@needs_validators
@pytest.mark.parametrize("anchor", ["MR", "CT", "PT"])
@pytest.mark.parametrize("pseudonym", [None, Pseudonym("ANON", key="k")], ids=["identified", "de-identified"])
def test_validators_find_no_error(tmp_path: Path, anchor: str, pseudonym: Pseudonym | None) -> None:
    assert validator_errors([write(tmp_path / "p.dcm", anchor, pseudonym=pseudonym)]) == []


def test_the_anchor_is_grey_and_the_others_hot_iron(tmp_path: Path) -> None:
    state = pydicom.dcmread(write(tmp_path / "p.dcm", "CT"))
    assert [item.SeriesInstanceUID for item in state.AdvancedBlendingSequence] == [
        identity(modality).series_instance_uid for modality in ("CT", "MR", "PT")
    ]
    palettes = [item.PaletteColorLookupTableSequence[0] for item in state.AdvancedBlendingSequence]
    assert palettes[0].RedPaletteColorLookupTableData == palettes[0].BluePaletteColorLookupTableData
    assert [p.get("PaletteColorLookupTableUID") for p in palettes] == [None] + ["1.2.840.10008.1.5.1"] * 2
    display = state.BlendingDisplaySequence[0]
    assert display.BlendingMode == "EQUAL"
    assert [item.BlendingInputNumber for item in display.BlendingDisplayInputSequence] == [1, 2, 3]
    assert len(state.AdvancedBlendingSequence[0].ReferencedImageSequence) == 24
    assert state.StudyInstanceUID == identity("CT").study_instance_uid


def test_windows_are_those_given(tmp_path: Path) -> None:
    uid = identity("MR").series_instance_uid
    state = pydicom.dcmread(write(tmp_path / "p.dcm", windows={uid: (100.0, 900.0)}))
    window = state.AdvancedBlendingSequence[0].SoftcopyVOILUTSequence[0]
    assert (window.WindowCenter, window.WindowWidth, window.VOILUTFunction) == (500, 800, "LINEAR_EXACT")


def test_a_rescale_per_slice_is_left_to_the_images(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        state = pydicom.dcmread(write(tmp_path / "p.dcm"))
    by_series = {item.SeriesInstanceUID: item for item in state.AdvancedBlendingSequence}
    assert "RescaleSlope" not in by_series[identity("PT").series_instance_uid]
    assert "PT is rescaled slice by slice" in caplog.text


def test_one_study_and_one_frame_of_reference(tmp_path: Path) -> None:
    mr, pet = identities("MR", "PT")
    for change, said in (
        ({"study_instance_uid": "1.2.3"}, "of another study"),
        ({"frame_of_reference_uid": "1.2.3"}, "one frame of reference"),
        ({"frame_of_reference_uid": ""}, "is in none"),
    ):
        with pytest.raises(ValueError, match=said):
            write_presentation_state(mr, [mr, replace(pet, **change)], tmp_path / "p.dcm")
    with pytest.raises(ValueError, match="not read from DICOM"):
        write_presentation_state(None, [mr, pet], tmp_path / "p.dcm")
    assert list(tmp_path.iterdir()) == []
