# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A DICOMweb archive that is as it should be, with a small MR and PET, as answers of which each can be replaced."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pydicom

from tests.dicom.archive.ailing_archive import Answer, swallow
from tests.dicom.shipped_study import FOLDERS, identity

__all__ = [
    "HELD",
    "INSTANCES",
    "JSON",
    "MULTIPART",
    "PIXELS",
    "SERIES",
    "STORE",
    "STUDY",
    "Json",
    "answer_of",
    "files_of",
    "listed",
    "multipart",
    "said",
    "series",
    "taken",
    "uids_of",
    "value",
    "whole_archive",
]

STUDY = identity("MR").study_instance_uid
UIDS = {name: identity(name).series_instance_uid for name in ("MR", "PT")}
SERIES, INSTANCES, PIXELS = "GET /series", f"GET /{UIDS['PT']}/instances", f"GET /{UIDS['PT']}"
"""Routes: to the series of the study, to the PET's instances, and to these themselves."""
STORE, HELD = "POST /studies", "GET /instances"
"""Routes: to store results, and to the results that it has."""
JSON = "application/dicom+json"
BOUNDARY = "part"
MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'

_SLICES = 2
_GROUPS = (0x0020, 0x0028, 0x7FE0)
_STRIDES = {"MR": 8, "PT": 4, "CT": 16}
Json = dict[str, Any]


def answer_of(body: bytes, kind: str | None, code: int = 200, length: int | None = None, **headers: str) -> Answer:
    """Answer with these bytes; where `kind` is None without Content-Type; `length` is announced instead of theirs."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        swallow(handler)
        handler.send_response(code)
        sent = {"Content-Type": kind, "Content-Length": str(len(body) if length is None else length), **headers}
        for name, content in sent.items():
            if content is not None:
                handler.send_header(name.replace("_", "-"), content)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def said(content: object, code: int = 200, kind: str | None = JSON) -> Answer:
    """Answer with JSON."""
    return answer_of(json.dumps(content).encode(), kind, code)


def value(vr: str, *values: object) -> Json:
    """An attribute in DICOM JSON."""
    return {"vr": vr, "Value": list(values)}


def series(**changes: object) -> list[Json]:
    """The answer to the query for series; the PET's attributes, as T and tag, are replaced or taken away (None)."""
    found: list[Json] = [
        {"0020000D": value("UI", STUDY), "0020000E": value("UI", uid), "00080060": value("CS", name)}
        for name, uid in UIDS.items()
    ]
    changed = {**found[1], **{tag.removeprefix("T"): one for tag, one in changes.items()}}
    return [found[0], {tag: one for tag, one in changed.items() if one is not None}]


@cache
def files_of(name: str) -> list[bytes]:
    """The lowest slices of the shipped MR, PET (PT) or CT, thinned, and without what no reader needs."""

    def height(file: Path) -> float:
        return float(pydicom.dcmread(file, stop_before_pixels=True).ImagePositionPatient[2])

    return [_thinned(file, _STRIDES[name]) for file in sorted(FOLDERS[name].glob("*.dcm"), key=height)[:_SLICES]]


def _thinned(file: Path, stride: int) -> bytes:
    dataset = pydicom.dcmread(file)
    for element in list(dataset):
        if element.tag.group not in _GROUPS and element.keyword not in ("SOPClassUID", "SOPInstanceUID"):
            del dataset[element.tag]
    pixels = dataset.pixel_array[::stride, ::stride]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelSpacing = [float(side) * stride for side in dataset.PixelSpacing]
    dataset.PixelData = pixels.tobytes() + bytes(pixels.nbytes % 2)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@cache
def uids_of(name: str) -> list[str]:
    """SOPInstanceUID of each of `files_of`."""
    return [pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True).SOPInstanceUID for file in files_of(name)]


def listed(uids: list[Any]) -> list[Json]:
    """The answer to a query for instances."""
    return [{"00080018": value("UI", uid)} for uid in uids]


def multipart(files: list[bytes], boundary: str = BOUNDARY) -> bytes:
    """The answer to a fetch."""
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + file + b"\r\n" for file in files) + f"--{boundary}--\r\n".encode()


def taken(named: list[str], failed: Mapping[str, object] | None = None) -> Json:
    """The answer to a store: who was taken and who was not, with the reason."""
    refused = [
        {"00081155": value("UI", uid), "00081197": value("US", reason)} for uid, reason in (failed or {}).items()
    ]
    answer: Json = {"00081199": value("SQ", *({"00081155": value("UI", uid)} for uid in named))} if named else {}
    return {**answer, "00081198": value("SQ", *refused)} if refused else answer


def whole_archive() -> dict[str, Answer]:
    """The answers of an archive that is as it should be, by route; the CT stands in for the results it is given."""
    answers = {SERIES: said(series())}
    for name, uid in UIDS.items():
        answers[f"GET /{uid}/instances"] = said(listed(uids_of(name)))
        answers[f"GET /{uid}"] = answer_of(multipart(files_of(name)), MULTIPART)
    return {**answers, HELD: said([]), STORE: said(taken(uids_of("CT")))}
