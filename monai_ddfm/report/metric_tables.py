# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Metrics of a cohort as tables: one file per case, one with all cases, one summary."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.utils import string_list_all_gather

from monai_ddfm.io.atomic import atomic_file, remove_partial

__all__ = ["MetricTables", "metric_columns", "require_no_tables", "write_metric_tables"]

_CASES, _SUMMARY = "cases.csv", "summary.csv"
_STATISTICS: dict[str, Callable[[np.ndarray], float]] = {
    "mean": np.mean,
    "std": np.std,
    "min": np.min,
    "median": np.median,
    "max": np.max,
    "cases": len,
}


def require_no_tables(output_dir: Path) -> None:
    """Require that no evaluation has written its tables into a folder.

    Raises:
        FileExistsError: one has.
    """
    existing = [path for name in (_CASES, _SUMMARY) if (path := output_dir / name).exists()]
    if existing:
        raise FileExistsError(f"{existing[0]}: exists and is kept; write elsewhere or ask to overwrite")


def write_metric_tables(output_dir: Path, measured: Mapping[str, Mapping[str, float]]) -> list[Path]:
    """Write ``<case>_metrics.csv`` for each case, ``cases.csv`` and ``summary.csv``; see `MetricTables`.

    Args:
        output_dir: folder, made when missing.
        measured: for each case its values by column, NaN for one that does not exist; cases may differ in columns.

    Returns:
        the files, the summary last.
    """
    columns = list(dict.fromkeys(column for values in measured.values() for column in values))
    remove_partial(output_dir, [_CASES, _SUMMARY, *map(_of_case, measured)])
    written = [
        _write_table(output_dir / _of_case(case), ("metric", "value"), [(name, _text(values[name])) for name in values])
        for case, values in measured.items()
    ]
    rows = [[case, *(_text(values.get(name, np.nan)) for name in columns)] for case, values in measured.items()]
    summary = []
    for name in columns:
        known = np.array([values[name] for values in measured.values() if not np.isnan(values.get(name, np.nan))])
        summary.append([name, *(_text(f(known)) if len(known) else "" for f in _STATISTICS.values())])
    cases = _write_table(output_dir / _CASES, ("case", *columns), rows)
    return [*written, cases, _write_table(output_dir / _SUMMARY, ("metric", *_STATISTICS), summary)]


def metric_columns(metric: str, values: int, sources: Sequence[str]) -> list[str]:
    """Return the names of a metric's columns: its own, or one for each source where it has several values."""
    return [f"{metric}_{source}" for source in sources] if values > 1 else [metric]


def _write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    with atomic_file(path, overwrite=True) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(head)
        table.writerows(rows)
    return path


class MetricTables:
    """Ignite handler that writes what the engine's metrics measured.

    ``<case>_metrics.csv`` has the metrics of one case, ``cases.csv`` a row for each case, and ``summary.csv`` a row for
    each metric with its mean, standard deviation, minimum, median and maximum over the cases that have a value. The
    metrics must be `monai.handlers.IgniteMetricHandler` (they keep the value of every case); of several processes the
    first writes all.

    Args:
        output_dir: folder, made when missing.
        sources: names of the sources, for metrics that have one value per source (columns ``VIF_MR``, ``VIF_PET``).
        case_key: key of the case's name in the batch.
        overwrite: replace tables of an earlier run.
    """

    def __init__(
        self, output_dir: str | Path, sources: Sequence[str], case_key: str = "case", overwrite: bool = False
    ) -> None:
        self.output_dir = Path(output_dir)
        self.sources = list(sources)
        self.case_key = case_key
        self.overwrite = overwrite
        self._cases: list[str] = []

    def attach(self, engine: Engine) -> None:
        """Register with the engine, after its metrics."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.note_cases)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.write)

    def start(self, engine: Engine) -> None:
        """Forget the cases of an earlier run.

        Raises:
            FileExistsError: there are tables already, and `overwrite` is off.
        """
        self._cases = []
        if not self.overwrite:
            require_no_tables(self.output_dir)

    def note_cases(self, engine: Engine) -> None:
        """Note the names of the cases of a batch."""
        self._cases += [str(case[self.case_key]) for case in engine.state.batch]  # type: ignore[union-attr]

    def write(self, engine: Engine) -> None:
        """Write all tables from ``engine.state.metric_details``.

        Raises:
            ValueError: the engine has no metrics.
        """
        distributed = idist.get_world_size() > 1
        cases = string_list_all_gather(self._cases) if distributed else self._cases
        if idist.get_rank() != 0:
            return
        columns = self._columns(getattr(engine.state, "metric_details", {}))
        if not columns:
            raise ValueError("MetricTables found no metrics: give the evaluator key_val_metric, an IgniteMetricHandler")
        rows = zip(cases, zip(*columns.values(), strict=True), strict=True)
        write_metric_tables(self.output_dir, {case: dict(zip(columns, row, strict=True)) for case, row in rows})

    def _columns(self, details: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
        """The values of all cases by column; a metric with several values per case has a column for each source."""
        columns: dict[str, np.ndarray] = {}
        for metric, values in details.items():
            per_case = values.cpu().double().numpy().reshape(len(values), -1)
            names = metric_columns(metric, per_case.shape[1], self.sources)
            columns.update(zip(names, per_case.T, strict=True))
        return columns


def _of_case(case: str) -> str:
    return f"{case}_metrics.csv"


def _text(value: float) -> str:
    """Six digits; nothing for a value that does not exist."""
    return "" if np.isnan(value) else f"{value:.6g}"
