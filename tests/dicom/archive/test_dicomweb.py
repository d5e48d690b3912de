# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What goes wrong between us and an archive, and what is left of it."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from pathlib import Path

import pydicom
import pytest

from monai_ddfm.__main__ import main
from monai_ddfm.commands.dicomweb import fetch_sources
from monai_ddfm.dicom.archive.credentials import session_from
from monai_ddfm.dicom.archive.dicomweb import ArchiveSeries, DicomWebArchive
from tests.dicom.archive.ailing_archive import (
    ailing_archive,
    hang_up,
    instances,
    parts,
    said,
    send,
    status,
    stored,
    swallow,
)
from tests.dicom.shipped_study import FOLDERS, identity
from tests.free_port import free_port

FILES = sorted(FOLDERS["PT"].glob("*.dcm"))[:6]
SERIES = ArchiveSeries(identity("PT").study_instance_uid, identity("PT").series_instance_uid, "PT", "a description")
WADO, QIDO, STOW = f"GET /series/{SERIES.series_instance_uid}", "GET /instances", "POST /studies"


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
        with pytest.raises(ConnectionError, match=r"fetching series 1\.[0-9.]+ failed after 2 attempts"):
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


def test_what_an_archive_calls_a_modality_names_no_other_folder(tmp_path: Path) -> None:
    uid = SERIES.series_instance_uid
    found = [{"0020000E": {"vr": "UI", "Value": [uid]}, "00080060": {"vr": "CS", "Value": ["/../../outside"]}}]
    with ailing_archive({"GET /series": [said(found)], WADO: [parts(FILES)], QIDO: [instances(FILES)]}) as url:
        folder = tmp_path / "a" / "b"
        (fetched,) = fetch_sources(archive_at(url), SERIES.study_instance_uid, [uid], folder)
    assert fetched.parent == folder and len(list(fetched.iterdir())) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_endless_instance_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("monai_ddfm.dicom.archive.bounded_answer.available_memory", lambda: 1 << 20)

    def endless(handler) -> None:  # type: ignore[no-untyped-def]
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/related; boundary=part")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(bytes(65536))

    with ailing_archive({WADO: [endless], QIDO: [instances(FILES)]}) as url:
        with pytest.raises(OSError, match="expected no more than 1 MiB, got a larger answer"):
            archive_at(url).fetch_series(SERIES, tmp_path / "PT")


def test_a_header_that_is_none() -> None:
    two = [{"0020000E": {"vr": "UI", "Value": [f"1.2.{n}"]}, "00080060": {"vr": "CS", "Value": ["PT"]}} for n in (3, 4)]
    for wrong in ([], 5, [5]):
        with ailing_archive(
            {"GET /series": [said(two)], QIDO: [instances(FILES)], "GET /metadata": [said(wrong)]}
        ) as url:
            with pytest.raises(OSError, match=r"reading PT .* failed: expected "):
                archive_at(url).choose_series("1.2", "PT")


def test_refuses_senseless_settings() -> None:
    with pytest.raises(ValueError, match="begins with http"):
        DicomWebArchive("pacs.example")
    with pytest.raises(ValueError, match="attempts must be 1 or more"):
        DicomWebArchive("http://pacs.example", attempts=0)


SECRET = "s3cret"


@pytest.mark.parametrize("route", [{}, {"GET /series": [status(401)]}, {"GET /series": [status(503)]}])
def test_a_password_in_the_address_is_used_and_never_shown(
    route: dict, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def look(handler) -> None:  # type: ignore[no-untyped-def]
        asked.append(handler.headers["Authorization"])
        status(404)(handler)

    with ailing_archive(route or {"GET /series": [look]}) as url, caplog.at_level(logging.DEBUG):
        address = url.replace("http://", f"http://doctor:{SECRET}@")
        archive = archive_at(address)
        assert archive.url == url
        with pytest.raises(OSError) as error:
            archive.find_series("1.2")
        command = ["fuse", "--dicomweb", address, "--study", "1.2", "--anchor", "MR", "--source", "PT", "-v"]
        if not route:
            assert main(command) == 1
    assert SECRET not in f"{error.value} {caplog.text} {capsys.readouterr()} {vars(archive)}"
    assert all(one == "Basic ZG9jdG9yOnMzY3JldA==" for one in asked) and (asked or route)


def test_a_password_in_an_address_that_is_none() -> None:
    for address in (f"ftp://doctor:{SECRET}@host", f"doctor:{SECRET}@host", f"http://host/?token={SECRET}"):
        with pytest.raises(ValueError, match="a DICOMweb address") as error:
            DicomWebArchive(address)
        assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({"DICOMWEB_TOKEN": SECRET}, f"Bearer {SECRET}"),
        ({"DICOMWEB_USER": "doctor", "DICOMWEB_PASSWORD": SECRET}, "Basic ZG9jdG9yOnMzY3JldA=="),
        ({}, None),
    ],
)
def test_credentials_from_the_environment(environment: dict[str, str], sent: str | None) -> None:
    asked = []

    def look(handler) -> None:  # type: ignore[no-untyped-def]
        asked.append(handler.headers["Authorization"])
        said([])(handler)

    with ailing_archive({"GET /series": [look]}) as url, pytest.raises(FileNotFoundError, match="has no study"):
        archive_at(url, session=session_from(environment)).find_series("1.2")
    assert asked == [sent]


def test_certificates_from_the_environment(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("DICOMWEB_CERT", "DICOMWEB_KEY", "DICOMWEB_CA")}
    for file in files.values():
        file.write_text("PEM")
    session = session_from({name: str(file) for name, file in files.items()})
    assert session.cert == (str(files["DICOMWEB_CERT"]), str(files["DICOMWEB_KEY"]))
    assert session.verify == str(files["DICOMWEB_CA"])
    with pytest.raises(FileNotFoundError, match="DICOMWEB_CERT: no such file"):
        session_from({"DICOMWEB_CERT": str(tmp_path / "gone.pem")})
    with pytest.raises(ValueError, match="DICOMWEB_CERT is missing"):
        session_from({"DICOMWEB_KEY": str(files["DICOMWEB_KEY"])})
    with pytest.raises(ValueError, match="go together"):
        session_from({"DICOMWEB_USER": "doctor"})


def test_the_right_credentials_are_named() -> None:
    with ailing_archive({"GET /series": [status(401)]}) as url, pytest.raises(PermissionError, match="DICOMWEB_TOKEN"):
        archive_at(url).find_series("1.2")


def page(handler) -> None:  # type: ignore[no-untyped-def]
    send(handler, b"<html>Orthanc Explorer</html>", "text/html")


@pytest.mark.parametrize("answer", [status(404), page])
def test_a_wrong_root(answer) -> None:  # type: ignore[no-untyped-def]
    with ailing_archive({"GET /series": [answer]}) as url, pytest.raises(OSError, match=r"root .*e\.g\. .*/dicom-web"):
        archive_at(url).find_series("1.2")


@pytest.mark.parametrize("study", ["../../etc", "P1", "1.2.x", "", "1", "1.2." + 64 * "3"])
def test_a_study_that_is_no_uid(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="is no StudyInstanceUID: expected numbers with dots"):
        archive_at("http://127.0.0.1:9").find_series(study)


def test_a_store_that_is_refused_as_busy_says_that_all_failed() -> None:
    with ailing_archive({STOW: [status(503)]}) as url:
        with pytest.raises(ConnectionError, match=r"HTTP 503; 0 of 6 instances .*, all 6 of the last request failed"):
            archive_at(url).store(FILES)


def silent(handler) -> None:  # type: ignore[no-untyped-def]
    swallow(handler)
    time.sleep(1.0)


def test_a_lost_answer_is_not_waited_for_again() -> None:
    asked = []

    def lose(handler) -> None:  # type: ignore[no-untyped-def]
        asked.append(1)
        silent(handler)

    with ailing_archive({STOW: [lose]}) as url:
        begun = time.monotonic()
        with pytest.raises(ConnectionError, match=r"no answer in time; 0 of 6 .* 6 more were on their way"):
            archive_at(url, timeout=0.3, attempts=3).store(FILES)
    assert len(asked) == 1 and time.monotonic() - begun < 2.5


def test_a_lost_answer_whose_instances_are_there() -> None:
    with ailing_archive({STOW: [silent], QIDO: [said([]), instances(FILES)]}) as url:
        assert len(archive_at(url, timeout=0.3).store(FILES)) == 6


def test_what_is_stored_is_not_sent_again() -> None:
    sizes = []

    def measure(handler) -> None:  # type: ignore[no-untyped-def]
        sizes.append(int(handler.headers["Content-Length"]))
        stored(handler)

    with ailing_archive({STOW: [measure], QIDO: [instances(FILES), instances(FILES[:4]), status(501)]}) as url:
        archive = archive_at(url)
        expected = [pydicom.dcmread(file).SOPInstanceUID for file in FILES]
        for _ in range(3):
            assert archive.store(FILES) == expected
    assert len(sizes) == 2 and sizes[0] < 0.4 * sizes[1]  # none, two, six
