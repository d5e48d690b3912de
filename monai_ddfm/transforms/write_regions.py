# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What was measured in regions, as a table for people and as JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.transforms import Transform

from monai_ddfm.io.atomic import atomic_file

__all__ = ["WriteRegionsD", "WriteRegionsDict", "WriteRegionsd", "write_regions"]


def write_regions(rows: Sequence[Mapping[str, Any]], stem: str | Path, overwrite: bool = False) -> list[Path]:
    """Write rows of `MeasureRegions` to ``<stem>.csv`` and ``<stem>.json``; returns both paths.

    A column holds what any row has; what a row does not have is empty in CSV and left out in JSON.

    Raises:
        FileExistsError: one exists and `overwrite` is off.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    texts = {".csv": table.getvalue(), ".json": json.dumps(list(map(dict, rows)), indent=1) + "\n"}
    written = []
    for ending, text in texts.items():
        path = Path(f"{stem}{ending}")
        with atomic_file(path, overwrite) as partial:
            Path(partial).write_text(text)
        written.append(path)
    return written


class WriteRegionsd(Transform):
    """Write ``output_dir/<case>_regions.csv`` and ``.json``.

    Args:
        output_dir: folder, made when missing.
        measured: key of the rows.
        case_key: key of the case's name.
        overwrite: replace existing files.
    """

    def __init__(
        self, output_dir: str | Path, measured: str = "measured", case_key: str = "case", overwrite: bool = False
    ) -> None:
        self.output_dir = Path(output_dir)
        self.measured, self.case_key, self.overwrite = measured, case_key, overwrite

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the rows; the data is returned unchanged."""
        write_regions(data[self.measured], self.output_dir / f"{data[self.case_key]}_regions", self.overwrite)
        return dict(data)


WriteRegionsD = WriteRegionsDict = WriteRegionsd
