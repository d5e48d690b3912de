# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The kinds of value that a setting may have, each checked where it enters, and errors in one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

__all__ = [
    "ALL",
    "Count",
    "DeviceText",
    "Flag",
    "Names",
    "Number",
    "PathText",
    "Text",
    "Window",
    "check_options",
    "each_of",
    "one_of",
    "reason_in_one_line",
    "require_known",
]

ALL = "all"


def require_known(what: str, names: Collection[str], known: Collection[str]) -> None:
    """Refuse names that nobody knows, and give the nearest that is known.

    Args:
        what: what the names are of, e.g. ``setting``.
        names: as given.
        known: all that there are.

    Raises:
        ValueError: one is not known.
    """
    for name in names:
        if name not in known:
            near = get_close_matches(str(name), list(known), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
            raise ValueError(f"no {what} {name!r}; {hint}")


def check_options(what: str, options: Mapping[str, Any], constructor: Callable[..., Any]) -> None:
    """Refuse options that are no keyword arguments of a constructor.

    Raises:
        ValueError: one is not.
    """
    require_known(what, list(options), [name for name in inspect.signature(constructor).parameters if name != "self"])


def one_of(known: Collection[str]) -> AfterValidator:
    """Return a validator that wants one of some names."""
    return AfterValidator(lambda name: _require_one_of(known, name))


def each_of(known: Collection[str]) -> AfterValidator:
    """Return a validator that wants a tuple of some names, or ``all``, which stands for every one."""

    def chosen(names: tuple[str, ...]) -> tuple[str, ...]:
        if ALL in names and len(names) > 1:
            raise ValueError(f"expected one of {', '.join(known)}, or {ALL} by itself")
        return tuple(known) if ALL in names else tuple(_require_one_of(known, name) for name in names)

    return AfterValidator(chosen)


def _require_one_of(known: Collection[str], name: str) -> str:
    if name not in known:
        near = get_close_matches(name, list(known), n=1)
        raise ValueError(f"expected one of {', '.join(known)}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return name


def _rising(window: tuple[float, float]) -> tuple[float, float]:
    if not window[0] < window[1]:
        raise ValueError("expected (low, high) with low below high")
    return window


def _as_tuple(names: Any) -> Any:
    return (names,) if isinstance(names, str) else names


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, (Path, torch.device)) else value


Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=1)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(strict=True, min_length=1)]
PathText = Annotated[str, Field(strict=True, min_length=1), BeforeValidator(_as_text)]
DeviceText = PathText
Names = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)]
Window = Annotated[tuple[Number, Number], AfterValidator(_rising)]


def reason_in_one_line(error: ValidationError) -> str:
    """Return every fault that pydantic found as ``setting: found ..., expected ...``."""
    faults = []
    for fault in error.errors():
        raised = fault.get("ctx", {}).get("error")
        expected = str(raised) if raised else _in_our_words(fault["msg"])
        where = ".".join(map(str, fault["loc"][1:]))  # the first is the group, which users do not know
        faults.append(f"{where}: found {fault['input']!r}, {expected}" if where else expected)
    return "; ".join(dict.fromkeys(faults))


def _in_our_words(message: str) -> str:
    """Pydantic's message as the rest of a sentence that began with what was found."""
    words = {
        "Input should be": "expected",
        "a valid boolean": "true or false",
        "Field required": "expected one more value",
    }
    for theirs, ours in words.items():
        message = message.replace(theirs, ours)
    return message
