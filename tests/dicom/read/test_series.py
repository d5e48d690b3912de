# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which series is meant, and which is no volume."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_ddfm.dicom.read.find_instances import find_instances
from monai_ddfm.dicom.read.series import Series, choose_series, group_series


@pytest.fixture
def study(make_series, tmp_path: Path) -> list[Series]:
    make_series("study/t1", 3, SeriesInstanceUID="1.2.3.4.1", SeriesDescription="T1 ax")
    make_series("study/t2", 2, SeriesInstanceUID="1.2.3.4.2", SeriesDescription="T2 FLAIR ax")
    make_series("study/pet", 2, modality="PT", SeriesInstanceUID="1.2.3.4.3", SeriesDescription="FDG")
    make_series(
        "study/scout",
        1,
        SeriesInstanceUID="1.2.3.4.4",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        modality="CT",
        SeriesDescription="scout",
    )
    make_series(
        "study/bold",
        1,
        SeriesInstanceUID="1.2.3.4.5",
        ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        SeriesDescription="BOLD",
    )
    make_series(
        "study/rt",
        1,
        SeriesInstanceUID="1.2.3.4.6",
        modality="RTSTRUCT",
        Rows=None,
        Columns=None,
        SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3",
        SeriesDescription="contours",
    )
    return group_series(find_instances(tmp_path / "study"))


@pytest.mark.parametrize(
    ("choice", "uid"),
    [
        ({"uid": "1.2.3.4.2"}, "1.2.3.4.2"),
        ({"description": "flair"}, "1.2.3.4.2"),
        ({"modality": "PET"}, "1.2.3.4.3"),
        ({"modality": "pt"}, "1.2.3.4.3"),
        ({"modality": "MRI", "description": "T1"}, "1.2.3.4.1"),
    ],
)
def test_choice(study: list[Series], choice: dict[str, str], uid: str) -> None:
    assert choose_series(study, **choice).uid == uid


def test_ambiguous_choice_lists_the_series(study: list[Series]) -> None:
    with pytest.raises(ValueError, match="3 series fit") as error:
        choose_series(study, modality="MR")
    for uid in ("1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.5"):
        assert f"series UID {uid}" in str(error.value)
    assert "'T2 FLAIR ax', number 1, 2 instance(s)" in str(error.value)


def test_no_series_fits(study: list[Series]) -> None:
    with pytest.raises(ValueError, match=r"no series fits .*modality NM[\s\S]*T1 ax"):
        choose_series(study, modality="NM")


@pytest.mark.parametrize(("description", "name"), [("scout", "localisers"), ("contours", "no images")])
def test_what_is_no_volume_is_refused_by_name(study: list[Series], description: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"is no volume: {name}"):
        choose_series(study, description=description)


def test_two_patients(make_series, tmp_path: Path) -> None:
    make_series("study/a", 1)
    make_series("study/b", 1, PatientID="P2", SeriesInstanceUID="1.2.3.4.2")
    series = group_series(find_instances(tmp_path))
    with pytest.raises(ValueError, match=r"holds 2 patients \(by PatientID, e\.g\. .*000\.dcm"):
        choose_series(series, modality="MR")
    assert choose_series(series, uid="1.2.3.4.2").attribute("PatientID") == "P2"


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "FrameOfReferenceUID"])
def test_series_that_does_not_belong_together(make_series, keyword: str) -> None:
    paths = make_series(each=[{keyword: "1.1"}, {keyword: "1.2"}, {keyword: "1.2"}])
    with pytest.raises(ValueError, match=f"more than one {keyword}"):
        choose_series(group_series(find_instances(paths)), uid="1.2.3.4.1")
