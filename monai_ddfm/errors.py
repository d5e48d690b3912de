# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The reason of a failure, out of the wrappings that frameworks put around it."""

from __future__ import annotations

import sys
from types import TracebackType

__all__ = ["reason_of", "say_reason_last"]


def reason_of(error: BaseException) -> BaseException:
    """Return the first error of a chain of ``raise RuntimeError(...) from error``, as MONAI wraps them."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def say_reason_last() -> None:
    """Print the reason of an uncaught error once more below its traceback, where a person looks first."""
    usual = sys.__excepthook__

    def print_reason(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        usual(kind, error, traceback)
        reason = reason_of(error)
        print(f"\nmonai_ddfm: {type(reason).__name__}: {reason}", file=sys.stderr)

    sys.excepthook = print_reason
