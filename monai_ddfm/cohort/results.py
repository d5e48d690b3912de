# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The results of cases in their folder: which are finished, and what a killed run left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_ddfm.cohort.record import content_key, read_record, record_path
from monai_ddfm.io.atomic import remove_partial

__all__ = ["Results"]


class Results:
    """The results of cases: ``output_dir/<case><ending>`` and the record ``output_dir/<case>.json``.

    Args:
        keys: the sources.
        output_dir: folder of the results.
        endings: what follows a case's name in the names of its results, e.g. ``_fused.nii.gz``.
        settings: what shapes a result, as `monai_ddfm.cohort.record.describe` gives it.
        overwrite: every case is to be done, and results of its name are replaced.
    """

    def __init__(
        self,
        keys: Sequence[str],
        output_dir: str | Path,
        endings: Sequence[str],
        settings: Any,
        overwrite: bool = False,
    ) -> None:
        self.keys = list(keys)
        self.output_dir = Path(output_dir)
        self.endings = list(endings)
        self.settings = settings
        self.overwrite = overwrite

    def _paths(self, case: str) -> list[Path]:
        return [record_path(self.output_dir, case), *(self.output_dir / f"{case}{ending}" for ending in self.endings)]

    def are_finished(self, case: Mapping[str, Any]) -> bool:
        """Return whether a case's results are whole and made from its files with these settings.

        Args:
            case: ``{"case": name, key: path, ...}``.

        Raises:
            FileExistsError: there are results of that name, made from other files or with other settings, or by
                somebody else; they are kept unless `overwrite`.
        """
        existing = [path for path in self._paths(case["case"]) if path.exists()]
        if self.overwrite or not existing or "fault" in case:
            return False
        record = read_record(record_path(self.output_dir, case["case"]))
        if record.get("content_key") != content_key(case, self.keys, self.settings):
            raise FileExistsError(
                f"{existing[0]}: exists, made from other files or with other settings, and is kept; give another "
                "output_dir, or overwrite"
            )
        return bool(record["finished"])

    def remove_partial(self, case: str) -> None:
        """Remove the temporary files and folders that a killed run left of this case."""
        remove_partial(self.output_dir, [path.name for path in self._paths(case)])
