# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Running an evaluator over all cases: one that fails is noted, and the others go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from monai.engines import Evaluator

from monai_ddfm.cohort.case_loader import CaseLoader
from monai_ddfm.cohort.processes import OneProcess
from monai_ddfm.cohort.run_log import FAILED, FINISHED, KEPT
from monai_ddfm.cohort.summary import write_summary
from monai_ddfm.cohort.write_behind import WriteBehind
from monai_ddfm.io.lock import locked_folder

__all__ = ["failure_of", "run_cohort"]

logger = logging.getLogger(__name__)
_NAMED_FAILURES = 5


def run_cohort(
    evaluator: Evaluator,
    loader: CaseLoader,
    writer: WriteBehind,
    processes: OneProcess,
    output_dir: str | Path | None = None,
    summary: str | Path | None = None,
    pages: Callable[[Sequence[Mapping[str, Any]]], None] | None = None,
) -> None:
    """Fuse every case that no other process does and that is not finished, then wait for the other processes.

    Args:
        evaluator: fuses the batches of `loader` and ends in `writer`.
        loader: the evaluator's data loader.
        writer: the evaluator's postprocessing.
        processes: of this run.
        output_dir: folder to hold against other runs; None holds none.
        summary: file for what became of the cases; None for none.
        pages: called at the end with the notes on all cases, in the first process.

    Raises:
        RuntimeError: some cases failed (a single case: its own error); the others are finished nevertheless.
        BlockingIOError: another run holds `output_dir`.
        OSError: `summary` cannot be written.
        SystemExit: some cases failed, of a run of several processes; its log says which.
    """
    with locked_folder(output_dir) if output_dir is not None and processes.rank == 0 else nullcontext():
        failure = _run(evaluator, loader, writer, processes, summary, pages)
        processes.leave()
    if failure is not None:
        raise failure


def _run(
    evaluator: Evaluator,
    loader: CaseLoader,
    writer: WriteBehind,
    processes: OneProcess,
    summary: str | Path | None,
    pages: Callable[[Sequence[Mapping[str, Any]]], None] | None,
) -> BaseException | None:
    """Do this process's part of a run; returns the error that it is to end in."""
    begun, run_log, first = time.perf_counter(), loader.run_log, processes.rank == 0
    if summary is not None and first:
        write_summary(summary, loader.names, [], processes.count, complete=False)
    processes.meet()
    _evaluate_all(evaluator, loader)
    writer.wait()
    outcomes = loader.results.as_they_are(note for notes in processes.gather(run_log.outcomes) for note in notes)
    if first:
        _say(outcomes)
        if summary is not None:
            _write_last(summary, loader.names, outcomes, processes.count, time.perf_counter() - begun)
        if pages is not None:
            pages(outcomes)
    if all(outcome["status"] != FAILED for outcome in outcomes) and len(outcomes) == len(loader.names):
        return None
    failure = failure_of(loader.names, outcomes, run_log.errors)
    if processes.count == 1:
        return failure
    if first:
        logger.error("%s", failure)  # torchrun may end this process as soon as another has left
    return SystemExit(1)


def _evaluate_all(evaluator: Evaluator, loader: CaseLoader) -> None:
    """Run the evaluator, again after each case that fails, until its loader has no more.

    Not until a run ends well: ignite's first run after a failed one returns at once, without work.
    """
    while not loader.exhausted:
        try:
            evaluator.run()
        except Exception as error:
            if loader.current is None:
                raise  # no case's fault
            loader.run_log.failed(loader.current, error)


def _say(outcomes: Sequence[Mapping[str, Any]]) -> None:
    if len(outcomes) == 1 and outcomes[0]["status"] == FAILED:
        return  # its error says it
    counts = {status: sum(o["status"] == status for o in outcomes) for status in (FINISHED, KEPT, FAILED)}
    logger.info(", ".join(f"{count} {status}" for status, count in counts.items()))


def _write_last(summary: str | Path, names: list[str], outcomes: list[Any], count: int, seconds: float) -> None:
    try:
        write_summary(summary, names, outcomes, count, seconds)
    except OSError as error:  # the failure of the cases, most likely of the same reason, is what is raised
        logger.error("%s", error)
        if not any(outcome["status"] == FAILED for outcome in outcomes):
            raise


def failure_of(
    names: Sequence[str], outcomes: Sequence[Mapping[str, Any]], errors: Mapping[str, BaseException] | None = None
) -> BaseException:
    """Return the error that a run with failed cases ends in.

    Args:
        names: all cases.
        outcomes: notes on them, as `RunLog` has them.
        errors: errors of this process, by case.
    """
    if len(names) == 1 and errors:
        return next(iter(errors.values()))
    failed = [str(outcome["case"]) for outcome in outcomes if outcome["status"] == FAILED]
    named = ", ".join(failed[:_NAMED_FAILURES]) + (", ..." if len(failed) > _NAMED_FAILURES else "")
    left = len(names) - len(outcomes)
    return RuntimeError(
        f"{len(failed)} of {len(names)} cases failed{f' and {left} were not begun' if left else ''}: {named}; the log "
        "and summary.json say why. Put right what is wrong and run again: finished cases are kept"
    )
