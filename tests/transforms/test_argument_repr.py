# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

from monai_ddfm.transforms.argument_repr import ArgumentRepr


class Base(ArgumentRepr):
    def __init__(self, size: int, scale: float = 1.0, pseudonym_key: str | None = None, **settings: Any) -> None:
        self.size = size


class Derived(Base):
    def __init__(self, size: int = 3) -> None:
        super().__init__(size, scale=2.0)


class Empty(ArgumentRepr):
    pass


def test_defaults_are_left_out_and_settings_stand_by_their_name() -> None:
    assert repr(Base(1)) == repr(Base(size=1, scale=1.0)) == "Base(size=1)"
    assert repr(Base(1, 0.5, steps=4)) == "Base(size=1, scale=0.5, steps=4)"
    assert repr(Empty()) == "Empty()"


def test_a_derived_class_shows_its_own_arguments() -> None:
    assert repr(Derived(4)) == "Derived(size=4)"


def test_secrets_and_long_things_are_not_shown() -> None:
    assert repr(Base(1, pseudonym_key="hush")) == "Base(size=1, pseudonym_key=...)"
    network = torch.nn.Sequential(torch.nn.ReLU())
    assert (
        repr(Base(1, network=network, reader=object())) == "Base(size=1, network=Sequential(...), reader=object(...))"
    )


def test_it_survives_pickling() -> None:
    assert repr(pickle.loads(pickle.dumps(Base(1, 0.5)))) == "Base(size=1, scale=0.5)"


def test_wrong_arguments_are_the_constructors_to_refuse() -> None:
    with pytest.raises(TypeError, match="size"):
        Base()  # type: ignore[call-arg]
