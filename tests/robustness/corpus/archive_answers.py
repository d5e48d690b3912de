# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Answers of a DICOMweb archive that are no DICOMweb, break off, name the wrong things, or never end."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pydicom

from tests.dicom.archive.ailing_archive import Answer
from tests.robustness.corpus.bad_input import BadInput
from tests.robustness.corpus.whole_archive import (
    BOUNDARY,
    HELD,
    INSTANCES,
    JSON,
    MULTIPART,
    PIXELS,
    SERIES,
    STORE,
    UIDS,
    answer_of,
    files_of,
    listed,
    multipart,
    said,
    series,
    taken,
    uids_of,
    value,
)

__all__ = ["bad_answers", "bad_answers_to_a_fetch", "bad_answers_to_a_store"]

_TEBIBYTE = 1 << 40


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", JSON)
    handler.end_headers()
    try:
        handler.wfile.write(b"[")
        while True:
            handler.wfile.write(b" " * 65536)
    except OSError:  # nobody listens any more
        handler.close_connection = True


def _parts(files: list[bytes]) -> Answer:
    return answer_of(multipart(files), MULTIPART)


def _changed(keyword: str, wrong: object) -> list[bytes]:
    """The PET with one attribute of one slice replaced, or taken away (None)."""
    files = list(files_of("PT"))
    dataset = pydicom.dcmread(io.BytesIO(files[1]))
    if wrong is None:
        delattr(dataset, keyword)
    else:
        setattr(dataset, keyword, wrong)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return [files[0], buffer.getvalue(), *files[2:]]


def _anywhere() -> Iterator[tuple[str, Answer, bool]]:
    """Answers that are wrong whatever was asked."""
    yield "a web page", answer_of(b"<!DOCTYPE html><html>Log in</html>", "text/html"), False
    yield "a web page called DICOMweb", answer_of(b"<!DOCTYPE html><html>Log in</html>", JSON), False
    yield "JSON cut off", answer_of(b'[{"0020000E": {"vr": "UI", "Val', JSON), False
    yield "no bytes", answer_of(b"", JSON), False
    yield "nothing (HTTP 204)", answer_of(b"", None, 204), False
    yield "no bytes and no type", answer_of(b"", None), False
    yield "JSON nested 100000 times", answer_of(b"[" * 100_000, JSON), False
    yield "more bytes announced than sent", answer_of(b"[]", JSON, length=999), False
    yield "a tebibyte announced", answer_of(b"[]", JSON, length=_TEBIBYTE), False
    yield "a redirection to itself", answer_of(b"", None, 302, Location="series"), False
    yield "a redirection to a file", answer_of(b"", None, 302, Location="file:///etc/hostname"), False
    yield "a redirection to nowhere", answer_of(b"", None, 302), False
    yield "a packing that is untrue", answer_of(b"[]", JSON, Content_Encoding="gzip"), False
    bomb = gzip.compress(b"[" + b" " * (64 << 20) + b"]")
    yield "64 MiB of blanks, packed", answer_of(bomb, JSON, Content_Encoding="gzip"), False
    wrongs: list[object] = [
        [],
        [[]],
        5,
        "text",
        None,
        [None],
        {"error": "no"},
        [{"0020000E": 5}],
        [{"0020000E": {"Value": 5}}],
    ]
    for wrong in wrongs:
        yield f"JSON of {json.dumps(wrong)}", said(wrong), False


def _about_series() -> Iterator[tuple[str, Answer, bool]]:
    yield "blanks without end", _endless, False
    uids: list[object] = [None, {}, "text", value("UI"), value("UI", None), value("UI", 12), value("UI", "../../x")]
    for wrong in uids:
        yield f"SeriesInstanceUID {json.dumps(wrong)}", said(series(T0020000E=wrong)), False
    yield "another study", said(series(T0020000D=value("UI", "1.2.3"))), False
    for wrong in (None, value("CS"), value("CS", 5), value("CS", "../../outside"), value("CS", "CT")):
        yield f"Modality {json.dumps(wrong)}", said(series(T00080060=wrong)), False
    yield "untrue value representations", said(series(T00080060=value("SQ", "PT"))), True
    yield "an attribute of no use that is wrong", said(series(T00201209=value("IS", "many"), frob=7)), True
    yield "a padded UID", said(series(T0020000E=value("UI", UIDS["PT"] + "\0"))), True
    yield "each series twice", said(series() * 2), True
    lower = [{tag.lower(): value for tag, value in one.items()} for one in series()]
    yield "tags in lower case", said(lower), True
    yield "series without a type", said(series(), kind=None), True
    yield "series as plain text", said(series(), kind="text/plain"), True
    body = json.dumps(series(T0008103E=value("LO", "M??ller"))).replace("??", "\xfc").encode("latin1")
    yield "a description that is no UTF-8", answer_of(body, JSON), True


def _about_instances() -> Iterator[tuple[str, Answer, bool]]:
    uids = uids_of("PT")
    for wrong in (None, 12, "", "../../../x", "1.2.3\n"):
        yield f"SOPInstanceUID {json.dumps(wrong)}", said(listed([*uids[:-1], wrong])), False
    yield "one instance more than there is", said(listed([*uids, "1.2.3"])), False
    yield "each instance twice", said(listed(uids * 2)), True
    yield "some of the instances", said(listed(uids[:1])), True


def _pixels() -> Iterator[tuple[str, Answer, bool]]:
    files = files_of("PT")
    whole = multipart(files)
    yield "parts without a type", answer_of(whole, None), False
    yield "parts without a boundary", answer_of(whole, "multipart/related"), False
    yield "parts with another boundary", answer_of(multipart(files, "other"), MULTIPART), False
    for share in (0.1, 0.5, 0.95):
        yield f"{share} of the parts", answer_of(whole[: int(share * len(whole))], MULTIPART), False
        cut = answer_of(whole[: int(share * len(whole))], MULTIPART, length=len(whole))
        yield f"{share} of the parts that are announced", cut, False
    yield "parts, a tebibyte announced", answer_of(whole, MULTIPART, length=_TEBIBYTE), False
    for name, part in {"text": b"no DICOM", "nothing": b"", "zeros": bytes(999), "half": files[1][:300]}.items():
        yield f"a part of {name}", _parts([files[0], part, *files[2:]]), False
    yield "a part without a head", answer_of(f"--{BOUNDARY}\r\nbare\r\n--{BOUNDARY}--".encode(), MULTIPART), False
    yield "one instance for all", answer_of(files[0], "application/dicom"), False
    yield "another series", _parts(files_of("MR")), False
    for keyword, wrong in {
        "SOPInstanceUID": ("../../../outside", "1.2.3", None),
        "SeriesInstanceUID": ("1.2.3", "../../outside", None),
        "StudyInstanceUID": ("1.2.3", None),
    }.items():
        for one in wrong:
            yield f"an instance of {keyword} {one}", _parts(_changed(keyword, one)), False
    yield "an instance twice", _parts([*files, files[0]]), True
    yield "parts without an end mark", answer_of(whole.removesuffix(f"--{BOUNDARY}--\r\n".encode()), MULTIPART), False


def _stores() -> Iterator[tuple[str, Answer, bool]]:
    sent = uids_of("CT")
    yield "one that refuses an instance", said(taken(sent[1:], {sent[0]: 0x0110})), False
    yield (
        "one with a charset that refuses an instance",
        said(taken(sent[1:], {sent[0]: 0x0110}), kind=f"{JSON}; charset=utf-8"),
        False,
    )
    yield "one that refuses all", said(taken([], dict.fromkeys(sent, 0xA700)), 409), False
    reasons: list[object] = [None, "full", {}, -1, 1e99]
    for reason in reasons:
        yield f"FailureReason {json.dumps(reason)}", said(taken(sent[1:], {sent[0]: reason}), 202), False
    yield "one about others", said(taken(["1.2.3", "1.2.4"])), False
    for wrong in ("text", 5, {}, value("SQ", "text"), value("SQ", {}), value("SQ", {"00081155": 5})):
        yield f"ReferencedSOPSequence {json.dumps(wrong)}", said({"00081199": wrong}), False
    yield "a conflict without a word", answer_of(b"", None, 409), False
    yield "a conflict as a web page", answer_of(b"<html></html>", "text/html", 409), False
    yield "a redirection to another question", answer_of(b"", None, 302, Location="/series"), False
    yield (
        "XML that says nothing",
        answer_of(b"<?xml version='1.0'?><NativeDicomModel/>", "application/dicom+xml"),
        False,
    )
    yield "too much at once", answer_of(b"", None, 413), False
    yield "all, in a list", said([taken(sent)]), True
    yield "all, without a type", said(taken(sent), kind=None), True


def bad_answers() -> list[BadInput]:
    """All of them to a query."""
    about = {"series": (SERIES, _about_series()), "instances": (INSTANCES, _about_instances())}
    return [
        _bad(f"{what}: {name}", route, *case)
        for what, (route, cases) in about.items()
        for name, *case in [*_anywhere(), *cases]
    ]


def bad_answers_to_a_fetch() -> list[BadInput]:
    """All of them to a fetch."""
    return [_bad(name, PIXELS, *case) for name, *case in [*_anywhere(), *_pixels()]]


def bad_answers_to_a_store() -> list[BadInput]:
    """All of them to a store."""
    bad = [_bad(name, STORE, *case) for name, *case in [*_anywhere(), *_stores()]]
    says_nothing = {STORE: said({}), HELD: said(listed(uids_of("CT")))}
    return [*bad, BadInput("nothing, but it has them", lambda folder: says_nothing, harmless=True)]


def _bad(name: str, route: str, answer: Answer, harmless: bool) -> BadInput:
    return BadInput(name, lambda folder: {route: answer}, harmless, names="/dicom-web")
