# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Runs in processes of their own that meet a fault at a certain moment."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from monai_ddfm.__main__ import main
from monai_ddfm.errors import end_in_one_line
from tests.cohort.small_cohort import quick_processes, small_workflow

__all__ = ["Ended", "cohort", "command", "when_opened"]

Fault = Callable[[], None]


class Ended(NamedTuple):
    """What is left of a run: its exit code, what it said, and its summary, None where there is none."""

    code: int
    said: str
    summary: dict[str, Any] | None


def when_opened(ending: str, fault: Callable[[], None], opening: int = 1) -> None:
    """Let a fault happen in this process as soon as a file whose name ends so is opened for the n-th time."""
    left = [opening]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and left[0] and str(arguments[0]).endswith(ending):
            left[0] -= 1
            if not left[0]:
                fault()

    sys.addaudithook(watch)


def command(words: list[object], output_dir: Path, fault: Fault) -> Ended:
    """Give the command in a process that has prepared for `fault`."""
    return _ended(_command, [str(word) for word in words], output_dir, fault)


def cohort(cases: Path, output_dir: Path, fault: Fault, **overrides: Any) -> Ended:
    """Run the bundle over a folder of cases in a process that has prepared for `fault`."""
    return _ended(_cohort, (cases, output_dir, overrides), output_dir, fault)


def _ended(run: Callable[[Any], None], what: Any, output_dir: Path, fault: Fault) -> Ended:
    said = output_dir.parent / "said.txt"
    process = quick_processes().Process(target=_within, args=(run, what, said, fault))
    process.start()
    process.join(120.0)
    assert process.exitcode is not None, "it hangs"
    summary = output_dir / "summary.json"
    return Ended(process.exitcode, said.read_text(), json.loads(summary.read_text()) if summary.is_file() else None)


def _within(run: Callable[[Any], None], what: Any, said: Path, fault: Fault) -> None:
    with said.open("w") as file:
        os.dup2(file.fileno(), 2)
        os.dup2(file.fileno(), 1)
    end_in_one_line()
    fault()
    try:
        run(what)
    except Exception:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)


def _command(words: list[str]) -> None:
    sys.exit(main(words))


def _cohort(what: tuple[Path, Path, dict[str, Any]]) -> None:
    cases, output_dir, overrides = what
    small_workflow(cases, output_dir, **overrides).run()
