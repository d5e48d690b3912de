# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How a program ends that cannot go on: with one line, and an exit code that says why."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from types import FrameType, TracebackType

__all__ = ["EXIT_CODES", "end_in_one_line", "exit_codes_in_words", "named", "print_reason", "reason_of"]

EXIT_CODES = {
    0: "done",
    1: "it could not go on: the last line on stderr says why",
    2: "words that the command does not know",
    128 + signal.SIGINT: "stopped by Ctrl-C (SIGINT); what is finished is kept",
    128 + signal.SIGTERM: "stopped by SIGTERM; what is finished is kept",
}
"""What a program of this package ends with, and when."""

_EXPECTED = (ValueError, TypeError, OSError, ImportError, MemoryError, ArithmeticError)
_MOST_NAMES, _LONGEST_NAME = 8, 120
_TRACEBACKS = "MONAI_DEBUG"  # the environment variable that asks MONAI for more, too


def exit_codes_in_words() -> str:
    """Return `EXIT_CODES` as the last paragraph of a command's help."""
    return "\n".join(["exit codes:", *(f"  {code:<4d} {meaning}" for code, meaning in EXIT_CODES.items())])


def named(names: Iterable[str]) -> str:
    """Return the first names for a message, each cut, however many and long somebody's file makes them."""
    listed = [name[:_LONGEST_NAME] for name in names]
    return ", ".join(listed[:_MOST_NAMES]) + (", ..." if len(listed) > _MOST_NAMES else "") if listed else "nothing"


def reason_of(error: BaseException) -> BaseException:
    """Return the first error of a chain of ``raise RuntimeError(...) from error``, as MONAI wraps them."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def print_reason(error: BaseException) -> None:
    """Print the reason of an error as one line."""
    reason = reason_of(error)
    said = " ".join(str(reason).split()) or "no reason given"
    print(f"monai_ddfm: {type(reason).__name__}: {said}", file=sys.stderr)


def _excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    reason = reason_of(error)
    foreseen = isinstance(reason, _EXPECTED) or (isinstance(reason, RuntimeError) and reason.__cause__ is None)
    if not foreseen or os.environ.get(_TRACEBACKS, "").lower() in ("1", "true"):
        sys.__excepthook__(kind, error, traceback)
    print_reason(error)


def _stop(number: int, frame: FrameType | None) -> None:
    name = signal.Signals(number).name
    print(f"monai_ddfm: stopped by {name}; finished cases are kept, run again to go on", file=sys.stderr)
    raise SystemExit(128 + number)


def end_in_one_line() -> None:
    """Let this process end in one line: after an error its reason, after SIGINT and SIGTERM that (exit 130 and 143).

    A traceback is printed before it for errors that nobody foresaw, and for all where MONAI_DEBUG is set.
    """
    sys.excepthook = _excepthook
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
