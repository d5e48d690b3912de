# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The results of cases in their folder: which are finished, and what a killed run left behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from monai_ddfm.cohort.case_report import report_path
from monai_ddfm.cohort.record import GONE, key_of, read_record, record_path
from monai_ddfm.cohort.run_log import FAILED
from monai_ddfm.io.atomic import remove_partial
from monai_ddfm.pipeline import FusionPipeline
from monai_ddfm.pipeline.names import result_endings

__all__ = ["Results"]


class Results:
    """The results of cases: ``output_dir/<case><ending>`` and the record ``output_dir/<case>.json``.

    Args:
        pipeline: what they are made with.
    """

    def __init__(self, pipeline: FusionPipeline) -> None:
        self.pipeline = pipeline
        self.output_dir = Path(pipeline.config.results.output_dir)
        self.overwrite = pipeline.config.results.overwrite
        self.endings = result_endings(pipeline.config)

    def _paths(self, case: str) -> list[Path]:
        return [record_path(self.output_dir, case), *(self.output_dir / f"{case}{ending}" for ending in self.endings)]

    def existing(self, case: str) -> list[Path]:
        """Return the files of a case that are there, its record first."""
        return [path for path in self._paths(case) if path.exists()]

    def are_finished(self, case: Mapping[str, Any], digests: Mapping[str, str]) -> bool:
        """Return whether a case's results are whole and made from its files with these settings.

        Args:
            case: ``{"case": name, key: path, ...}``.
            digests: of its sources, see `digested`.

        Raises:
            ValueError: a result would stand where a source does.
            FileExistsError: there are results of that name, made from other files or with other settings, or by
                somebody else; they are kept unless `overwrite`.
        """
        existing = self.existing(case["case"])
        self._require_apart(case, existing)
        if self.overwrite or not existing:
            return False
        record = read_record(record_path(self.output_dir, case["case"]))
        if record.get("content_key") != key_of(digests, self.pipeline):
            raise FileExistsError(
                f"{existing[0]}: exists, made from other files or with other settings, and is kept; give another "
                "output_dir, or overwrite"
            )
        return bool(record["finished"])

    def _require_apart(self, case: Mapping[str, Any], existing: list[Path]) -> None:
        """Refuse results in place of sources, which `overwrite` would take away."""
        for key in self.pipeline.keys:
            source = Path(case.get(key, "")).resolve()
            for path in existing:
                if path.resolve() in (source, *source.parents):
                    raise ValueError(
                        f"{path}: is the {key} of case {case['case']}: a result would take its place; write elsewhere"
                    )

    def discard(self, case: str) -> None:
        """Remove what was written of a case that could not be written whole; what was to be overwritten stays."""
        for path in [] if self.overwrite and record_path(self.output_dir, case).exists() else self._paths(case):
            with suppress(OSError):  # there is no such file, or no such folder any more
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def as_they_are(self, outcomes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the notes on cases, as failed where their results were taken away after they had been written.

        The folder is listed, and not asked file by file: so a network file system answers afresh.
        """
        there = {path.name for path in self.output_dir.iterdir()} if self.output_dir.is_dir() else set()
        told = []
        for outcome in map(dict, outcomes):
            record = record_path(self.output_dir, str(outcome["case"]))
            if outcome["status"] != FAILED and record.name not in there:
                outcome |= {"status": FAILED, "reason": f"FileNotFoundError: {record}: {GONE}"}
            told.append(outcome)
        return told

    def remove_partial(self, case: str) -> None:
        """Remove the temporary files and folders that a killed run left of this case."""
        remove_partial(
            self.output_dir, [path.name for path in [*self._paths(case), report_path(self.output_dir, case)]]
        )
