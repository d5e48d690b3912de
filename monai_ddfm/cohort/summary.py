# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``summary.json``: what became of the cases of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_ddfm import __version__
from monai_ddfm.cohort.run_log import FAILED, FINISHED, KEPT
from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.pipeline import FusionConfig

__all__ = ["SUMMARY", "summary_path", "write_summary"]

SUMMARY = "summary.json"


def summary_path(config: FusionConfig) -> Path | None:
    """Return where the summary of a run is written, None where none is wanted."""
    results = config.results
    if results.summary == "auto":
        return Path(results.output_dir) / SUMMARY
    return None if results.summary is None else Path(results.summary)


def _is_summary(path: Path) -> bool:
    try:
        content = json.loads(path.read_text())
    except ValueError:
        return False
    return isinstance(content, dict) and {"complete", "cases", "pending"} <= content.keys()


def write_summary(
    path: str | Path,
    cases: Sequence[str],
    outcomes: Sequence[Mapping[str, Any]],
    processes: int = 1,
    seconds: float = 0.0,
    complete: bool = True,
) -> None:
    """Write how many cases are finished, kept and failed, which are pending, and the note on each.

    Args:
        path: the file; it replaces the summary of the run before.
        cases: names of all cases.
        outcomes: notes of all processes, as `RunLog` has them.
        processes: how many worked.
        seconds: wall time of the run.
        complete: whether the run came to its end; one that was killed leaves false here.

    Raises:
        FileExistsError: there is another file of this name.
        OSError: the folder cannot be written.
    """
    path = Path(path)
    if path.exists() and not _is_summary(path):
        raise FileExistsError(f"{path}: exists, is not a summary of a run, and is kept; choose another output_dir")
    known = {outcome["case"] for outcome in outcomes}
    content = {
        "version": __version__,
        "complete": complete,
        **{status: sum(outcome["status"] == status for outcome in outcomes) for status in (FINISHED, KEPT, FAILED)},
        "pending": [case for case in cases if case not in known],
        "processes": processes,
        "seconds": round(seconds, 3),
        "cases": sorted(outcomes, key=lambda outcome: str(outcome["case"])),
    }
    with atomic_file(path, overwrite=True, sole_writer=True) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")
