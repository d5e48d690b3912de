# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What goes wrong between us and an archive, and what is left of it."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pydicom
import pytest

from monai_ddfm.dicom.archive.dicomweb import ArchiveSeries, DicomWebArchive
from tests.dicom.archive.ailing_archive import ailing_archive, hang_up, instances, parts, said, status, stored
from tests.dicom.shipped_study import FOLDERS
from tests.free_port import free_port

FILES = sorted(FOLDERS["PT"].glob("*.dcm"))[:6]
SERIES = ArchiveSeries("1.2", "1.2.3", "PT", "a description")
WADO, QIDO, STOW = "GET /series/1.2.3", "GET /instances", "POST /studies"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def archive_at(url: str, **options: object) -> DicomWebArchive:
    return DicomWebArchive(url, **{"timeout": 5, "attempts": 2, "wait": 0.01, **options})


def test_an_archive_that_is_down(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/dicom-web"
    down = archive_at(url)
    with pytest.raises(ConnectionError, match=rf"{url}: asking for .* failed after 2 attempts: connection refused"):
        down.find_series("1.2")
    with pytest.raises(ConnectionError, match="is the archive running"):
        down.fetch_series(SERIES, tmp_path / "PT")
    with pytest.raises(ConnectionError, match="0 of 6 instances are confirmed as stored, 6 more were on their way"):
        down.store(FILES)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ConnectionError, match="no answer in time"):
            archive_at(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2).find_series("1.2")


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (401, PermissionError, "give it the right credentials"),
        (403, PermissionError, "HTTP 403"),
        (400, OSError, "refused asking for the series"),
        (503, ConnectionError, "failed after 2 attempts: HTTP 503"),
    ],
)
def test_an_archive_that_refuses(code: int, error: type[OSError], words: str) -> None:
    with ailing_archive({"GET /series": [status(code)]}) as url, pytest.raises(error, match=words):
        archive_at(url).find_series("1.2")


def test_a_busy_archive_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    series = {"0020000E": {"vr": "UI", "Value": ["1.2.3"]}, "00080060": {"vr": "CS", "Value": ["PT"]}}
    with ailing_archive({"GET /series": [status(503), said([series])]}) as url, caplog.at_level(logging.WARNING):
        assert archive_at(url).find_series("1.2") == [ArchiveSeries("1.2", "1.2.3", "PT", "")]
    assert "HTTP 503" in caplog.text and "attempt 1 of 2" in caplog.text


def test_what_is_refused_is_not_asked_again() -> None:
    scripted = [status(400), said([])]
    with ailing_archive({"GET /series": scripted}) as url, pytest.raises(OSError, match="HTTP 400"):
        archive_at(url).find_series("1.2")
    assert len(scripted) == 1  # asked once


def test_a_fetch_is_whole(tmp_path: Path) -> None:
    with ailing_archive({WADO: [parts(FILES)], QIDO: [instances(FILES)]}) as url:
        folder = archive_at(url).fetch_series(SERIES, tmp_path / "PT")
    got = {pydicom.dcmread(file).SOPInstanceUID: pydicom.dcmread(file).PixelData for file in folder.iterdir()}
    assert got == {pydicom.dcmread(file).SOPInstanceUID: pydicom.dcmread(file).PixelData for file in FILES}


@pytest.mark.parametrize(
    "answer",
    [parts(FILES, announced=1.0, sent=0.6), parts(FILES, announced=0.6, sent=0.6), parts(FILES[:4]), hang_up],
    ids=["dropped", "ended early", "fewer instances", "hung up"],
)
def test_a_fetch_that_is_dropped_leaves_nothing(tmp_path: Path, answer: object) -> None:
    with ailing_archive({WADO: [answer], QIDO: [instances(FILES)]}) as url:
        with pytest.raises(ConnectionError, match=r"fetching series 1\.2\.3 failed after 2 attempts"):
            archive_at(url).fetch_series(SERIES, tmp_path / "PT")
    assert list(tmp_path.iterdir()) == []


def test_a_fetch_that_was_dropped_once_is_whole(tmp_path: Path) -> None:
    script = {WADO: [parts(FILES, sent=0.7), parts(FILES)], QIDO: [instances(FILES)]}
    with ailing_archive(script) as url:
        folder = archive_at(url).fetch_series(SERIES, tmp_path / "PT")
    assert len(list(folder.iterdir())) == 6
    assert [p.name for p in tmp_path.iterdir()] == ["PT"]


def test_a_fetch_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "PT").mkdir()
    with ailing_archive({WADO: [parts(FILES)], QIDO: [instances(FILES)]}) as url:
        with pytest.raises(FileExistsError, match="is kept"):
            archive_at(url).fetch_series(SERIES, tmp_path / "PT")
        assert len(list(archive_at(url).fetch_series(SERIES, tmp_path / "PT", overwrite=True).iterdir())) == 6


def test_a_store_that_is_dropped_says_what_is_stored() -> None:
    two_files = 2 * FILES[0].stat().st_size
    script = {STOW: [stored, hang_up]}
    with ailing_archive(script) as url:
        with pytest.raises(ConnectionError, match="2 of 6 instances are confirmed as stored, 2 more were on their way"):
            archive_at(url, batch_bytes=two_files).store(FILES)


def test_a_store_that_was_dropped_once_is_sent_again_whole() -> None:
    lengths = []

    def measure(handler) -> None:  # type: ignore[no-untyped-def]
        lengths.append(int(handler.headers["Content-Length"]))
        stored(handler)

    with ailing_archive({STOW: [hang_up, measure]}) as url:
        uids = archive_at(url).store(FILES)
    assert uids == [pydicom.dcmread(file).SOPInstanceUID for file in FILES]
    assert lengths[0] > sum(len(pydicom.dcmread(file).PixelData) for file in FILES)


def test_instances_that_are_refused_are_counted() -> None:
    uid = pydicom.dcmread(FILES[1]).SOPInstanceUID
    failed = {
        "00081198": {
            "vr": "SQ",
            "Value": [{"00081155": {"vr": "UI", "Value": [uid]}, "00081197": {"vr": "US", "Value": [0x0110]}}],
        }
    }
    for code in (200, 202, 409):
        with ailing_archive({STOW: [said(failed, code)]}) as url:
            with pytest.raises(
                OSError, match=rf"refused 1 of 6 instances sent, e\.g\. {uid} \(failure reason 0x0110\); 5"
            ):
                archive_at(url).store(FILES)


def test_instances_that_the_answer_passes_over_are_not_confirmed() -> None:
    uids = [pydicom.dcmread(file).SOPInstanceUID for file in FILES]
    named = {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in uids[:4]]}}
    with ailing_archive({STOW: [said(named)]}) as url:
        with pytest.raises(OSError, match="refused 2 of 6 instances sent; 4 of 6 instances are confirmed"):
            archive_at(url).store(FILES)


def test_refuses_senseless_settings() -> None:
    with pytest.raises(ValueError, match="begins with http"):
        DicomWebArchive("pacs.example")
    with pytest.raises(ValueError, match="attempts must be 1 or more"):
        DicomWebArchive("http://pacs.example", attempts=0)
