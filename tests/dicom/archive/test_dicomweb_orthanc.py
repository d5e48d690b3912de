# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A real archive: sources go in and come out, the fusion goes in and comes out, and other readers agree on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImage

from monai_ddfm.__main__ import main
from monai_ddfm.dicom.archive.dicomweb import DicomWebArchive
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.transforms import MatchGrids, WriteDicomd
from tests.dicom.archive.orthanc import needs_orthanc, private_network, running_orthanc
from tests.dicom.shipped_study import FOLDERS, identity

pytestmark = needs_orthanc
STUDY_UID = identity("MR").study_instance_uid


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DicomWebArchive]:
    """An archive that holds the shipped study."""
    with private_network(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "127.0.0.1")
        environment.setenv("no_proxy", "127.0.0.1")
        with running_orthanc(tmp_path_factory.mktemp("orthanc")) as url:
            connected = DicomWebArchive(url, timeout=30, attempts=2, wait=0.1)
            for folder in FOLDERS.values():
                connected.store(sorted(folder.glob("*.dcm")))
            yield connected


@pytest.fixture(scope="module")
def round_trip(archive: DicomWebArchive, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | MetaTensor]:
    """Fetch MR and PET, fuse them (their maximum), store the result, fetch it back."""
    folder = tmp_path_factory.mktemp("round_trip")
    case: dict[str, object] = {"case": "case"}
    for modality in ("MR", "PT"):
        series = archive.choose_series(STUDY_UID, modality)
        case[modality] = read_series(archive.fetch_series(series, folder / modality))
    pet = MatchGrids()(case["PT"], case["MR"]).as_tensor()
    fused = (pet * 100).maximum(case["MR"].as_tensor())
    case["fused"] = MetaTensor(fused, meta=case["MR"].meta)
    case["colour"] = MetaTensor((fused / fused.max()).repeat(3, 1, 1, 1), meta=case["MR"].meta)
    WriteDicomd(["fused", "colour"], folder / "out", ["MR", "PT"], seed=1)(case)
    stored = archive.store(sorted((folder / "out").rglob("*.dcm")))
    again = {
        series.description: archive.fetch_series(series, folder / "back" / str(k))
        for k, series in enumerate(archive.find_series(STUDY_UID))
        if "DDFM" in series.description
    }
    return {"fused": case["fused"], "out": folder / "out", "stored": stored, **again}


def test_sources_come_back_as_they_went_in(archive: DicomWebArchive, tmp_path: Path) -> None:
    assert {s.modality for s in archive.find_series(STUDY_UID)} >= {"MR", "CT", "PT"}
    folder = archive.fetch_series(archive.choose_series(STUDY_UID, "CT"), tmp_path / "CT")
    fetched = read_series(folder)
    torch.testing.assert_close(fetched.as_tensor(), read_series(FOLDERS["CT"]).as_tensor())
    before, after = identity("CT"), SeriesIdentity.from_meta(fetched.meta)
    assert [i.sop_instance_uid for i in before.instances] == [i.sop_instance_uid for i in after.instances]


def test_everything_that_was_written_is_stored(round_trip: dict) -> None:
    assert len(round_trip["stored"]) == 24 + 1 + 1
    assert {"DDFM MR+PT grey", "DDFM MR+PT colour"} <= set(round_trip)


def test_the_grey_series_is_the_volume_again(round_trip: dict) -> None:
    fused, back = round_trip["fused"], read_series(round_trip["DDFM MR+PT grey"])
    torch.testing.assert_close(back.as_tensor(), fused.as_tensor().float(), atol=0.51, rtol=0)  # half a grey level
    torch.testing.assert_close(back.affine, fused.affine, atol=1e-4, rtol=0)
    assert SeriesIdentity.from_meta(back.meta).frame_of_reference_uid == identity("MR").frame_of_reference_uid


def test_the_bytes_of_pixels_and_places_are_the_same(round_trip: dict) -> None:
    def by_uid(folder: Path) -> dict[str, tuple]:
        datasets = [pydicom.dcmread(file) for file in folder.iterdir()]
        return {
            d.SOPInstanceUID: (d.PixelData, tuple(d.ImagePositionPatient), d.DerivationDescription) for d in datasets
        }

    assert by_uid(round_trip["out"] / "case_fused") == by_uid(round_trip["DDFM MR+PT grey"])
    colour = pydicom.dcmread(next(round_trip["DDFM MR+PT colour"].iterdir()))
    assert np.array_equal(colour.pixel_array, pydicom.dcmread(round_trip["out"] / "case_colour.dcm").pixel_array)


def test_simpleitk_reads_it(round_trip: dict) -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(round_trip["DDFM MR+PT grey"])))
    image, fused = reader.Execute(), round_trip["fused"]
    array = sitk.GetArrayFromImage(image)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    assert_same_places(array.transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine, fused)


def test_monai_reads_it(round_trip: dict) -> None:
    image = LoadImage(reader="PydicomReader", ensure_channel_first=True)(round_trip["DDFM MR+PT grey"])
    assert_same_places(image[0].numpy(), image.affine.numpy(), round_trip["fused"])


def assert_same_places(array: np.ndarray, affine: np.ndarray, fused: MetaTensor) -> None:
    """The same value at the same place of the patient, for a sample of voxels."""
    index = np.stack(np.meshgrid(*(np.linspace(0, n - 1, 5).astype(int) for n in fused.shape[1:]), indexing="ij"), -1)
    index = index.reshape(-1, 3)
    world = index @ fused.affine[:3, :3].numpy().T + fused.affine[:3, 3].numpy()
    found = (world - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    np.testing.assert_allclose(found, np.rint(found), atol=1e-2)
    there = array[tuple(np.rint(found).astype(int).T)]
    np.testing.assert_allclose(there, fused[0].numpy()[tuple(index.T)], atol=0.51)


def test_derived_series_are_no_sources(round_trip: dict, archive: DicomWebArchive) -> None:
    assert archive.choose_series(STUDY_UID, "MR").series_instance_uid == identity("MR").series_instance_uid
    with pytest.raises(ValueError, match=r"3 series of study .* fit any modality.*choose one by its SeriesInstanceUID"):
        archive.choose_series(STUDY_UID)


def test_storing_again_makes_no_copies(round_trip: dict, archive: DicomWebArchive) -> None:
    before = archive.find_series(STUDY_UID)
    archive.store(sorted((round_trip["out"] / "case_fused").iterdir()))
    assert sorted(map(str, archive.find_series(STUDY_UID))) == sorted(map(str, before))


def test_the_command_fuses_out_of_and_into_the_archive(archive: DicomWebArchive, tmp_path: Path) -> None:
    uid = identity("MR").series_instance_uid
    command = f"fuse --dicomweb {archive.url} --study {STUDY_UID} --anchor {uid} --source PT --output {tmp_path}"
    assert main([*command.split(), "--output-format", "both", "--steps", "1", "--seed", "5", "--traceback"]) == 0
    before = set(archive.find_series(STUDY_UID))
    made = [s for s in before if s.modality == "MR" and "DDFM" in s.description and s.series_instance_uid != uid]
    fetched = [read_series(archive.fetch_series(s, tmp_path / f"back{k}")) for k, s in enumerate(made)]
    nifti = LoadImage(ensure_channel_first=True)(next(tmp_path.glob("*_fused.nii.gz")))
    assert any(torch.allclose(one.as_tensor(), nifti.as_tensor(), atol=0.51, rtol=0) for one in fetched)
    for one in fetched:
        torch.testing.assert_close(one.affine, nifti.affine, atol=1e-3, rtol=0)
    again = [*command.split(), "--output-format", "both", "--steps", "1", "--seed", "5", "--overwrite"]
    assert main(again) == 0
    assert set(archive.find_series(STUDY_UID)) == before  # the same UIDs: no copies


def test_the_command_checks_what_the_archive_holds(
    archive: DicomWebArchive, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(archive.find_series(STUDY_UID))
    there = ["check", "--dicomweb", archive.url, "--study", STUDY_UID]
    assert main(there) == 0
    assert set(capsys.readouterr().out.splitlines()) == set(map(str, before))
    assert main([*there, "--json"]) == 0
    series = json.loads(capsys.readouterr().out)["series"]
    found = {one["series_instance_uid"]: one["modality"] for one in series}
    assert found[identity("CT").series_instance_uid] == "CT"
    assert main([*there, "--anchor", identity("CT").series_instance_uid, "--source", "PT"]) == 0
    ct, pt, last = capsys.readouterr().out.splitlines()
    assert "252 x 215 x 24 voxels" in ct and "covers 92 % of the anchor" in pt and "GiB of memory" in last
    assert not list(tmp_path.iterdir()) and set(archive.find_series(STUDY_UID)) == before


def test_what_is_not_there_is_said(archive: DicomWebArchive) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no study 1\.2\.3"):
        archive.find_series("1.2.3")
    with pytest.raises(FileNotFoundError, match="has no US series; it has "):
        archive.choose_series(STUDY_UID, "US")
    with pytest.raises(FileNotFoundError, match=r"has no MR series 1\.2"):
        archive.choose_series(STUDY_UID, "MR", "1.2")
    uid = identity("PT").series_instance_uid
    assert archive.choose_series(STUDY_UID, series_instance_uid=uid).modality == "PT"


def test_an_instance_that_the_archive_refuses_is_named(archive: DicomWebArchive, tmp_path: Path) -> None:
    """A file without a StudyInstanceUID cannot be indexed."""
    dataset = pydicom.dcmread(identity("PT").instances[0].path)
    del dataset.StudyInstanceUID, dataset.PatientID
    del dataset.SeriesInstanceUID
    dataset.save_as(tmp_path / "bad.dcm")
    with pytest.raises(OSError, match="refused"):
        archive.store([tmp_path / "bad.dcm"])
