# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Objects that print as the call that made them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any

__all__ = ["SECRETS", "ArgumentRepr"]

SECRETS = frozenset({"pseudonym_key"})
"""Names of arguments and settings that are never shown or written down."""


class ArgumentRepr:
    """Mixin: ``repr`` gives the arguments that the constructor was called with, but for defaults and secrets."""

    _arguments: Mapping[str, Any] = MappingProxyType({})  # of a class without any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the constructor note its arguments."""
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _noting(cls.__init__)  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """Return ``Class(name=value, ...)``."""
        shown = (f"{name}={_shown(name, value)}" for name, value in self._arguments.items())
        return f"{type(self).__name__}({', '.join(shown)})"


def _shown(name: str, value: Any) -> str:
    if name in SECRETS:
        return "..."
    text = repr(value)
    return f"{type(value).__name__}(...)" if "\n" in text or " object at 0x" in text else text  # a network, a reader


def _noting(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def noting(self: Any, *args: Any, **kwargs: Any) -> None:
        if "_arguments" not in vars(self):  # else a derived class has noted its own
            self._arguments = _given(init, self, args, kwargs)
        init(self, *args, **kwargs)

    return noting


def _given(init: Callable[..., None], self: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are no defaults, by name; none where they do not fit, which `init` is about to say."""
    signature = inspect.signature(init)
    try:
        _, *bound = signature.bind(self, *args, **kwargs).arguments.items()
    except TypeError:
        return {}
    given: dict[str, Any] = {}
    for name, value in bound:
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            given |= value
        elif value is not signature.parameters[name].default:
            given[name] = value
    return given
