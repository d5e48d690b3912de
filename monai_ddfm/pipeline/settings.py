# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The kinds of value that a setting may have, each checked where it enters, and errors in one line."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import torch
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from monai_ddfm.samplers.timesteps import descend
from monai_ddfm.transforms.check_geometry import SPACING_RANGE

__all__ = [
    "ALL",
    "Count",
    "DeviceText",
    "Flag",
    "Names",
    "Number",
    "PathText",
    "Percentiles",
    "Spacing",
    "Text",
    "Timestep",
    "Window",
    "check_options",
    "each_of",
    "falling",
    "one_of",
    "reason_in_one_line",
    "require_known",
]

ALL = "all"
_MOST_FAULTS = 5  # of one description that are told
_EXACT = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
_shortened = reprlib.Repr()  # of what was found, which may be long, deep, or hold itself
_shortened.maxstring = _shortened.maxother = 80


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
    """Refuse options that are no keyword arguments of a constructor, or not of the type that it says.

    Raises:
        ValueError: one is not.
    """
    require_known(what, list(options), [name for name in inspect.signature(constructor).parameters if name != "self"])
    hints = get_type_hints(constructor.__init__)
    for name, value in options.items():
        try:
            TypeAdapter(hints[name], config=_EXACT).validate_python(value)
        except ValidationError as error:
            expected = " or ".join(dict.fromkeys(_in_our_words(fault["msg"]) for fault in error.errors()))
            raise ValueError(f"{what} {name}: found {_shortened.repr(value)}, {expected}") from None


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


def falling(timesteps: tuple[int, ...]) -> tuple[int, ...]:
    """Require timesteps, each below the one before it; how many there are is known when the prior is."""
    if not descend(timesteps):
        raise ValueError("expected timesteps that fall, e.g. [100, 50, 0]")
    return timesteps


def _percentiles(window: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= window[0] < window[1] <= 100:
        raise ValueError("expected percentiles from 0 to 100, the low one first")
    return window


def _spacing(millimetres: Any) -> Any:
    """A single number, of all axes, as a list of one."""
    return [millimetres] if isinstance(millimetres, int | float) else millimetres


def _one_or_three(millimetres: tuple[float, ...]) -> tuple[float, ...]:
    low, high = SPACING_RANGE
    if len(millimetres) not in (1, 3) or not all(low <= side <= high for side in millimetres):
        raise ValueError(f"expected a voxel's side in mm, {low:g} to {high:g}, or three of them")
    return millimetres


def _without_nul(path: str) -> str:
    if "\0" in path:
        raise ValueError("expected a path, which has no NUL in it")
    return path


def _as_tuple(names: Any) -> Any:
    return (names,) if isinstance(names, str) else names


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, (Path, torch.device)) else value


Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=1)]
Timestep = Annotated[int, Field(strict=True, ge=0)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(strict=True, min_length=1)]
PathText = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_without_nul), BeforeValidator(_as_text)]
DeviceText = PathText
Names = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)]
Window = Annotated[tuple[Number, Number], AfterValidator(_rising)]
Spacing = Annotated[tuple[Number, ...], BeforeValidator(_spacing), AfterValidator(_one_or_three)]
Percentiles = Annotated[tuple[Number, Number], AfterValidator(_percentiles)]


def reason_in_one_line(error: ValidationError) -> str:
    """Return every fault that pydantic found as ``setting: found ..., expected ...``."""
    faults = []
    for fault in error.errors():
        raised = fault.get("ctx", {}).get("error")
        expected = str(raised) if raised else _in_our_words(fault["msg"])
        where = ".".join(map(str, fault["loc"][1:]))  # the first is the group, which users do not know
        faults.append(f"{where}: found {_shortened.repr(fault['input'])}, {expected}" if where else expected)
    told = list(dict.fromkeys(faults))
    more = [f"and {len(told) - _MOST_FAULTS} more"] if len(told) > _MOST_FAULTS else []
    return "; ".join(told[:_MOST_FAULTS] + more)


def _in_our_words(message: str) -> str:
    """Pydantic's message as the rest of a sentence that began with what was found."""
    words = {
        "Input should be": "expected",
        "a valid boolean": "true or false",
        "String should": "expected a text that should",
        "Tuple should": "expected values that should",
        "Field required": "expected one more value",
    }
    for theirs, ours in words.items():
        message = message.replace(theirs, ours)
    return message
