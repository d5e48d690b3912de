# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What is read of an archive's answers in JSON (PS3.18 annex F): single attributes, as nobody vouches for the rest."""

from __future__ import annotations

import re
from typing import Any

from pydicom.datadict import tag_for_keyword

from monai_ddfm.dicom.archive.retries import SenselessAnswerError

__all__ = ["Answer", "is_uid", "items_of", "number_of", "objects_in", "text_of", "uid_of"]

Answer = dict[str, Any]
"""One dataset as JSON; its tags are in upper case."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")  # PS3.5 9.1
_LONGEST_UID = 64
_SHOWN = 60


def is_uid(text: str) -> bool:
    """Say whether a text is a UID, which can stand in an address."""
    return len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


def objects_in(answer: Any) -> list[Answer]:
    """Return the datasets of an answer.

    Raises:
        SenselessAnswerError: it is no list of JSON objects.
    """
    if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
        raise SenselessAnswerError(f"expected a list of JSON objects, got {_shown(answer)}")
    return [{tag.upper(): element for tag, element in one.items()} for one in answer]


def text_of(answer: Answer, keyword: str) -> str:
    """Return the first value of an attribute; "" where it has none that is a text."""
    first = next(iter(_values(answer, keyword)), "")
    return first.strip(" \0") if isinstance(first, str) else ""


def uid_of(answer: Answer, keyword: str) -> str:
    """Return the UID that an attribute is.

    Raises:
        SenselessAnswerError: it is none.
    """
    uid = text_of(answer, keyword)
    if not is_uid(uid):
        raise SenselessAnswerError(f"expected a {keyword}, got {_shown(_values(answer, keyword)) if uid else 'none'}")
    return uid


def items_of(answer: Answer, keyword: str) -> list[Answer]:
    """Return the items of a sequence; none where it is no sequence.

    Raises:
        SenselessAnswerError: some are no JSON objects.
    """
    return objects_in(_values(answer, keyword))


def number_of(answer: Answer, keyword: str) -> int | None:
    """Return the first value of an attribute, None where that is no whole number."""
    first = next(iter(_values(answer, keyword)), None)
    return first if isinstance(first, int) else None


def _values(answer: Answer, keyword: str) -> list[Any]:
    element = answer.get(f"{tag_for_keyword(keyword):08X}")
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _shown(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
