# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sources that do not belong together are refused, unless allowed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.same_subject import check_same_subject

MR = SeriesIdentity("P1", "1.1", "1.1.1", "1.9", "MR", "T1", ())
PT = replace(MR, series_instance_uid="1.1.2", modality="PT")


def test_one_patient_study_and_frame_pass() -> None:
    check_same_subject({"MR": MR, "PET": PT})
    check_same_subject({"MR": MR, "PET": replace(PT, patient_id="", study_instance_uid="", frame_of_reference_uid="")})
    check_same_subject({})


@pytest.mark.parametrize(
    ("change", "option", "what"),
    [
        ({"patient_id": "P2"}, "allow_different_patient", "patients \\(PatientID\\): MR: patient 1, PET: patient 2"),
        ({"study_instance_uid": "1.2"}, "allow_different_study", "studies .*MR: 1.1, PET: 1.2"),
        ({"frame_of_reference_uid": "1.8"}, "allow_different_frame", "frames of reference .*MR: 1.9, PET: 1.8"),
    ],
)
def test_difference_is_refused_unless_allowed(change: dict[str, str], option: str, what: str, caplog) -> None:
    sources = {"MR": MR, "PET": replace(PT, **change)}
    with pytest.raises(ValueError, match=f"{what}; set {option}"):
        check_same_subject(sources)
    check_same_subject(sources, **{option: True})
    assert option in caplog.text
