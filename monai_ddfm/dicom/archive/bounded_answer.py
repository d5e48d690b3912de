# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Answers looked at while they are read: of the kind that was asked for, no larger than can be held, and whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from email.message import Message
from typing import Any

import requests

from monai_ddfm.dicom.archive.retries import IncompleteAnswerError, SenselessAnswerError
from monai_ddfm.io.memory import available_memory

__all__ = ["bound_answer"]

LARGEST_JSON = 1 << 26
"""Bytes: tens of thousands of instances."""

_MULTIPART = "multipart/related"
_LAST_BYTES = 256  # the longest mark has 74; blanks may follow it


def bound_answer(response: requests.Response, *_: Any, **__: Any) -> None:
    """Refuse an answer that is too large, or no DICOM where that was asked for; a hook of `requests` for responses.

    Raises:
        SenselessAnswerError: at once, or while the answer is read, as soon as too much has come.
        IncompleteAnswerError: when the last part has been read, and the mark that ends them has not come.
    """
    wants_dicom = str(response.request.headers.get("Accept", "")).startswith(_MULTIPART)
    if (fault := _fault(response, wants_dicom)) is not None:
        response.close()
        raise SenselessAnswerError(fault)
    limit = available_memory() if wants_dicom else LARGEST_JSON
    _watch(response, sys.maxsize if limit is None else limit, _end_mark(response.headers.get("Content-Type", "")))


def _fault(response: requests.Response, wants_dicom: bool) -> str | None:
    """What is wrong with an answer by its head; None when nothing is, or when it tells of a failure."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not response.ok or response.is_redirect:
        return None
    if response.status_code >= 300:
        return f"expected an answer, got a redirection to nowhere (HTTP {response.status_code})"
    if wants_dicom and kind not in (_MULTIPART, "application/dicom"):
        return f"expected DICOM, got {kind or 'an answer without Content-Type'}"
    return None


def _end_mark(content_type: str) -> bytes:
    """What stands at the end of an answer in parts (RFC 2046 5.1.1); nothing at that of another."""
    head = Message()
    head["Content-Type"] = content_type
    boundary = head.get_boundary()
    return b"" if boundary is None else f"--{boundary}--".encode()


def _watch(response: requests.Response, limit: int, end_mark: bytes) -> None:
    """Let no more than so many bytes be read of an answer, unpacked, and not less than all."""

    def require_fitting(size: int) -> None:
        if size > limit:
            response.close()
            raise SenselessAnswerError(f"expected no more than {limit >> 20} MiB, got a larger answer")

    announced = response.headers.get("Content-Length", "")
    require_fitting(int(announced) if announced.isdecimal() else 0)
    read = response.iter_content

    def watched(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        count, end = 0, b""
        for chunk in read(*args, **kwargs):
            count += len(chunk)
            end = (end + chunk[-_LAST_BYTES:])[-_LAST_BYTES:]
            require_fitting(count)
            yield chunk
        if end_mark not in end:
            raise IncompleteAnswerError("the answer ended early, without its end mark")

    response.iter_content = watched  # type: ignore[method-assign] # all else that reads an answer goes through it
