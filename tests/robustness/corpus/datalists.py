# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Datalists that are no JSON, of another form, or name cases and files that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.robustness.corpus.bad_input import BadInput

__all__ = ["bad_datalists", "write_datalist"]

_GOOD: dict[str, Any] = {"case": "p01", "MR": "MR.nii.gz", "PET": "PET.nii.gz"}
_TEXT = json.dumps([_GOOD])


def write_datalist(folder: Path, content: str | bytes = _TEXT) -> Path:
    """Write a datalist of one case; returns it."""
    (folder / "list.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / "list.json"


def _holds(content: Any) -> Callable[[Path], Path]:
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    return lambda folder: write_datalist(folder, text)


def _case(**changed: Any) -> Callable[[Path], Path]:
    return _holds([{key: value for key, value in {**_GOOD, **changed}.items() if value != "gone"}])


def _texts() -> Iterator[BadInput]:
    yield BadInput("a byte order mark", _holds(b"\xef\xbb\xbf" + _TEXT.encode()), harmless=True)
    yield BadInput("UTF-16, as PowerShell writes", _holds(_TEXT.encode("utf-16")), harmless=True)
    yield BadInput("under testing, as MONAI has it", _holds({"testing": [_GOOD]}), harmless=True)
    texts: dict[str, str | bytes] = {
        "empty": b"",
        "blank": b"  \n",
        "zeros": bytes(500),
        "not UTF-8": b'[{"case": "M\xfcller", "MR": "MR.nii.gz", "PET": "PET.nii.gz"}]',
        "CSV": b"case,MR,PET\np01,MR.nii.gz,PET.nii.gz\n",
        "YAML": b"- case: p01\n  MR: MR.nii.gz\n",
        "cut": _TEXT[:-5],
        "a comma too many": _TEXT[:-1] + ",]",
        "single quotes": _TEXT.replace('"', "'"),
        "two lists": _TEXT * 2,
        "a key twice": _TEXT.replace('"PET"', '"MR": "other.nii.gz", "PET"'),
        "nested without end": "[" * 200000,
        "a number without end": "9" * 10000,
        "NaN": "NaN",
        "a number": "3",
        "a text": '"MR.nii.gz"',
        "null": "null",
        "an empty list": "[]",
        "an object without testing": json.dumps({"training": [_GOOD]}),
        "testing that is no list": json.dumps({"testing": _GOOD}),
    }
    for name, text in texts.items():
        yield BadInput(name, _holds(text))


def _entries() -> Iterator[BadInput]:
    entries: dict[str, Any] = {
        "a text": "MR.nii.gz",
        "null": None,
        "a list": [["MR"]],
        "nested": [[[]]] * 9999,
        "long": "x" * 10**6,
    }
    for name, entry in entries.items():
        yield BadInput(f"an entry that is {name}", _holds([entry]))
    yield BadInput("an entry of 10,000 other keys", _holds([{f"key {n}": n for n in range(10000)}]))
    for value in ("gone", 3, None, ["MR.nii.gz"], {"path": "MR.nii.gz"}, "", True, float("nan")):
        yield BadInput(f"path {value!r}", _case(MR=value), names="list.json")
    for value in ("nowhere.nii.gz", "../../nowhere.nii.gz", "/nowhere/MR.nii.gz", "$import os", "@seed", "%a::b"):
        yield BadInput(f"file {value}", _case(MR=value), names=value)
    yield BadInput("a path with NUL", _case(MR="MR\0.nii.gz"), names="p01")
    yield BadInput("a path with a surrogate", _case(MR="\ud800.nii.gz"), names="p01")
    yield BadInput("a path of 5000 letters", _case(MR="x" * 5000), names="p01")
    yield BadInput("keys of another case", _case(MR="gone", mr="MR.nii.gz"))


def _cases() -> Iterator[BadInput]:
    for name in ("", ".", "..", "../p01", "a/b", "/p01", "summary", "a\0b", "a\nb", "\ud800", "x" * 300):
        yield BadInput(f"case {name[:20]!r}", _case(case=name))
    for value in (None, True, 1.5, ["p01"], {"id": 1}, float("nan")):
        yield BadInput(f"case {value!r}", _case(case=value))
    yield BadInput("two cases of one name", _holds([_GOOD, _GOOD]))
    yield BadInput("a number and a text of one name", _holds([_GOOD | {"case": 1}, _GOOD | {"case": "1"}]))
    for name in ("gone", 12, "Müller 3", "$1+1", "@seed", "%a", "{x}", "a.b"):
        yield BadInput(f"harmless case {name}", _case(case=name), harmless=True)
    yield BadInput("keys of a user's own", _case(age=40, note="$import os", weight=float("nan")), harmless=True)
    yield BadInput("a path by a detour", _case(MR="../case/./MR.nii.gz"), harmless=True)


def _places() -> Iterator[BadInput]:
    yield BadInput("nothing there", lambda folder: folder / "list.json")
    yield BadInput("a folder", lambda folder: folder)
    yield BadInput("a name of 5000 letters", lambda folder: folder / ("x" * 5000))
    for value in (5, True, 0.5, ["list.json"], {"file": "list.json"}, ""):
        yield BadInput(f"{value!r} for a path", lambda _, v=value: v, names="datalist")


def bad_datalists() -> list[BadInput]:
    """All of them; `make` returns what the setting `datalist` is given."""
    return [*_texts(), *_entries(), *_cases(), *_places()]
