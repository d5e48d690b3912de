# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which series of a folder a source is, said for each source."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from monai_ddfm.__main__ import main
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import parse_choice, read_series
from monai_ddfm.dicom.same_subject import check_same_subject
from monai_ddfm.transforms import ReadSourced


@pytest.fixture
def study(make_series, tmp_path: Path) -> Path:
    """One folder of a T1, a T2 and a PET, every series with values of its own."""
    each = {"T1 ax": ("1.2.3.4.1", 3), "T2 FLAIR ax": ("1.2.3.4.2", 5), "FDG": ("1.2.3.4.3", 7)}
    for description, (uid, number) in each.items():
        make_series(
            f"study/{number}",
            number,
            modality="PT" if description == "FDG" else "MR",
            SeriesInstanceUID=uid,
            SeriesNumber=number,
            SeriesDescription=description,
        )
    return tmp_path / "study"


def read(study: Path, **select: str) -> dict[str, int]:
    """How many slices each source has, which tells the series apart."""
    keys = ["anchor", "other"]
    data = ReadSourced(keys, select=select, modalities={"anchor": "MR", "other": "PT"})(dict.fromkeys(keys, study))
    return {key: data[key].shape[-1] for key in keys}


@pytest.mark.filterwarnings("ignore:.*no SUV")
@pytest.mark.parametrize(
    ("choice", "slices"), [("1.2.3.4.2", 5), ("3", 3), ("flair", 5), ("T1 ax", 3), ("ax", None), ("9", None)]
)
def test_by_uid_number_or_description(study: Path, choice: str, slices: int | None) -> None:
    if slices is None:
        with pytest.raises(ValueError, match="series fit"):
            read(study, anchor=choice)
    else:
        assert read(study, anchor=choice) == {"anchor": slices, "other": 7}  # the other one by its modality


def test_the_error_lists_what_to_paste(study: Path) -> None:
    with pytest.raises(ValueError, match=r"say which: --select anchor=1\.2\.3\.4\.1 or --select anchor=1") as error:
        read(study)
    assert "MR 'T2 FLAIR ax', number 5, 5 instance(s), series UID 1.2.3.4.2" in str(error.value)


def test_a_source_that_is_none() -> None:
    with pytest.raises(ValueError, match="select names CT; the sources are MR, PET"):
        ReadSourced(["MR", "PET"], select={"CT": "3"})


def test_at_the_command(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["fuse", str(study), str(study), "--modalities", "MR", "PET", "-o", str(tmp_path / "out")]
    assert main(command) == 1
    assert "say which: --select source_1=1.2.3.4.1 or --select source_1=1.2.3.4.2" in capsys.readouterr().err
    assert main([*command, "--select", "MR=1.2.3.4.9"]) == 1
    assert "no series fits (UID 1.2.3.4.9)" in capsys.readouterr().err
    assert main([*command, "--select", "CT=1.2.3"]) == 1
    assert "--select CT=1.2.3: expected SOURCE=SERIES, with one of the sources source_1" in capsys.readouterr().err


def test_choices_in_words() -> None:
    assert parse_choice("EchoTime=30,FlipAngle=8") == {"select": {"EchoTime": "30", "FlipAngle": "8"}}


def test_echoes_of_an_enhanced_image(make_enhanced) -> None:
    def echoes(shared: Dataset, frames: list[Dataset]) -> None:
        for k, frame in enumerate(frames):
            echo = Dataset()
            echo.EffectiveEchoTime = 10.0 + 20 * (k % 2)
            frame.MREchoSequence = [echo]
            frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 2.5 * (k // 2)]

    path = make_enhanced(6, echoes)
    with pytest.raises(ValueError, match=r"6 slices lie at 3 positions[\s\S]*EffectiveEchoTime: 10, 30"):
        ReadSourced(["MR"])({"MR": path})
    late = ReadSourced(["MR"], select={"MR": "EffectiveEchoTime=30"})({"MR": path})["MR"]
    assert late[0, 0, 0].tolist() == [100, 300, 500]


def test_every_slice_with_its_own_frame_of_reference(make_series, caplog) -> None:
    paths = make_series(each=[{"FrameOfReferenceUID": generate_uid()} for _ in range(5)])
    volume = read_series(paths[0].parent)
    assert volume.shape == (1, 5, 6, 5)
    assert "every instance of series 1.2.3.4.1 has a frame of reference of its own" in caplog.text
    identity = SeriesIdentity.from_meta(volume.meta)
    assert identity is not None and identity.frame_of_reference_uid == ""  # it says nothing about other series


def test_no_message_names_a_patient(make_series, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_series("two/a", 1, PatientID="Doe^John 1950")
    make_series("two/b", 1, PatientID="Roe^Jane 1960", SeriesInstanceUID="1.2.3.4.2")
    make_series("mixed", each=[{"PatientID": "Doe^John 1950"}, {"PatientID": "Roe^Jane 1960"}])
    make_series("several/a", 2, PatientID="Doe^John 1950")
    make_series("several/b", 2, PatientID="Doe^John 1950", SeriesInstanceUID="1.2.3.4.2")
    said = []
    with caplog.at_level("DEBUG"):
        for folder in ("two", "mixed", "several"):
            with pytest.raises(ValueError) as error:
                read_series(tmp_path / folder)
            said.append(str(error.value))
        one = SeriesIdentity("Doe^John 1950", "1.1", "1.1.1", "1.9", "MR", "T1", ())
        two = SeriesIdentity("Roe^Jane 1960", "1.1", "1.1.2", "1.9", "PT", "FDG", ())
        with pytest.raises(ValueError, match="MR: patient 1, PET: patient 2") as error:
            check_same_subject({"MR": one, "PET": two})
        check_same_subject({"MR": one, "PET": two}, allow_different_patient=True)
    everything = "\n".join([*said, str(error.value), caplog.text])
    assert "Doe" not in everything and "Roe" not in everything
