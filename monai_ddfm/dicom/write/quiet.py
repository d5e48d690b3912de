# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Keeping patients' names out of logs: highdicom quotes a name that it finds unusual."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["names_unquoted"]


@contextmanager
def names_unquoted() -> Iterator[None]:
    """Drop highdicom's warnings about the form of a person's name, which quote it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message='The string ".*" is unlikely to represent the intended person name')
        yield
