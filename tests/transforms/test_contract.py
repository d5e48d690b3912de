# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What every transform promises, as MONAI's do: X, Xd, XD and XDict, missing keys, a repr, and no side effects.

The transforms are found, not listed: a new one is held to the contract as soon as it is there.
"""

from __future__ import annotations

import copy
import inspect
import pkgutil
import random
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import MapTransform, Transform

import monai_ddfm.pipeline
import monai_ddfm.report
import monai_ddfm.transforms

ROOMS = (monai_ddfm.transforms, monai_ddfm.report, monai_ddfm.pipeline)
SAMPLES = {  # arguments without a default, by their name
    "keys": ["MR", "PET"],
    "output_dir": "output",
    "sources": ["MR", "PET"],
    "spacing": 2.0,
    "functional": "PET",
    "like": "MR",
    "maps": ["provenance", "novelty"],
    "modalities": ["MR", "PET"],
}
NUMBER_OF = {
    "ApplyAffine": {"transform": str(Path(__file__).parents[1] / "data" / "ants_affine.mat")},
    "SplitMaps": {"sources": 2},
    "SplitMapsd": {"sources": 2},
}  # where a name means something else


def _transforms() -> Iterator[type[Transform]]:
    for room in ROOMS:
        for found in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            module = import_module(found.name)
            for name, kind in inspect.getmembers(module, inspect.isclass):
                own = kind.__module__ == module.__name__ and kind.__name__ == name and not name.startswith("_")
                if own and issubclass(kind, Transform) and not inspect.isabstract(kind):
                    yield kind


TRANSFORMS = list(_transforms())
DICTIONARY = [kind for kind in TRANSFORMS if issubclass(kind, MapTransform)]
every = pytest.mark.parametrize("kind", TRANSFORMS, ids=lambda kind: kind.__name__)
every_dictionary = pytest.mark.parametrize("kind", DICTIONARY, ids=lambda kind: kind.__name__)


def _module(kind: type[Transform]) -> ModuleType:
    return import_module(kind.__module__)


def _required(kind: type[Transform]) -> dict[str, Any]:
    needed = [
        parameter.name
        for parameter in inspect.signature(kind.__init__).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ][1:]
    known = SAMPLES | NUMBER_OF.get(kind.__name__, {})
    assert set(needed) <= set(known), f"{kind.__name__}: give a sample of {set(needed) - set(known)} in SAMPLES"
    return {name: known[name] for name in needed}


def _make(kind: type[Transform], **options: Any) -> Transform:
    return kind(**_required(kind), **options)


def test_they_are_found() -> None:
    names = {kind.__name__ for kind in TRANSFORMS}
    assert {"CheckVolume", "WriteDicomd", "WritePreviewd", "FuseDDFM"} <= names
    assert len(names) >= 36


@every
def test_array_and_dictionary_form_under_monais_names(kind: type[Transform]) -> None:
    name, module = kind.__name__, _module(kind)
    stem = name[:-1] if issubclass(kind, MapTransform) else name
    forms = [stem, f"{stem}d", f"{stem}D", f"{stem}Dict"]
    assert name in forms, f"{name} is a dictionary transform: end its name in d"
    assert set(forms) <= set(module.__all__)
    array, dictionary, *aliases = (getattr(module, form) for form in forms)
    assert not issubclass(array, MapTransform) and issubclass(dictionary, MapTransform)
    assert all(alias is dictionary for alias in aliases)
    room = import_module(kind.__module__.rpartition(".")[0])
    assert set(forms) <= set(room.__all__)


@every
def test_docstring_names_every_argument(kind: type[Transform]) -> None:
    said = inspect.getdoc(kind) or ""
    unsaid = [name for name in list(inspect.signature(kind).parameters) if name not in said]
    assert not unsaid, f"{kind.__name__} does not say what {unsaid} are"


@every
def test_repr_is_the_call_that_makes_it(kind: type[Transform]) -> None:
    made = _make(kind)
    required = ", ".join(f"{name}={value!r}" for name, value in _required(kind).items())
    assert repr(made) == f"{kind.__name__}({required})"
    assert repr(eval(repr(made), vars(_module(kind)))) == repr(made)
    assert repr(copy.deepcopy(made)) == repr(made)


@every
def test_repr_shows_what_was_given(kind: type[Transform]) -> None:
    switches = {
        parameter.name: not parameter.default
        for parameter in inspect.signature(kind).parameters.values()
        if isinstance(parameter.default, bool)
    }
    for name, value in switches.items():
        assert f"{name}={value}" in repr(_make(kind, **{name: value}))


@every
def test_constructor_leaves_the_global_random_state_alone(kind: type[Transform]) -> None:
    before = (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())
    _make(kind)
    after = (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


@every_dictionary
def test_dictionary_form_takes_what_the_array_form_takes_with_the_same_defaults(kind: type[MapTransform]) -> None:
    own = inspect.signature(kind).parameters
    array = inspect.signature(getattr(_module(kind), kind.__name__[:-1])).parameters
    for name, parameter in array.items():
        if name in own:  # None: by key
            assert parameter.default is parameter.empty or own[name].default in (parameter.default, None), name
        else:  # one for each key, or the keys themselves
            assert name == "names" or {f"{name}s", name.removesuffix("s")} & set(own), f"{kind.__name__} has no {name}"


@every_dictionary
def test_keys_come_first_and_missing_ones_are_an_error_unless_allowed(kind: type[MapTransform]) -> None:
    parameters = inspect.signature(kind).parameters
    assert next(iter(parameters)) == "keys"
    assert parameters["allow_missing_keys"].default is False
    data = {"case": "p01"}
    with pytest.raises(KeyError, match="MR"):
        _make(kind)(data)
    assert _make(kind, allow_missing_keys=True)(data) == data == {"case": "p01"}
