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

from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.write_fused import result_path

__all__ = ["WriteRegions", "WriteRegionsD", "WriteRegionsDict", "WriteRegionsd"]


class WriteRegions(ArgumentRepr, Transform):
    """Write rows of `MeasureRegions` to ``<stem>.csv`` and ``<stem>.json``.

    A column holds what any row has; what a row does not have is empty in CSV and left out in JSON.

    Args:
        overwrite: replace existing files.
    """

    def __init__(self, overwrite: bool = False) -> None:
        self.overwrite = overwrite

    def __call__(self, rows: Sequence[Mapping[str, Any]], stem: str | Path) -> list[Path]:  # type: ignore[override]
        """Write the rows; returns both paths.

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
            with atomic_file(path, self.overwrite) as partial:
                Path(partial).write_text(text)
            written.append(path)
        return written


class WriteRegionsd(ArgumentRepr, MapTransform):
    """Dictionary version of `WriteRegions`: writes ``output_dir/<case>_<suffix>.csv`` and ``.json``.

    Args:
        keys: the rows, usually ``measured``.
        output_dir: folder, made when missing.
        suffixes: end of the name for each key; ``regions`` for a single one, else the keys by default.
        case_key: key of the case's name.
        overwrite: replace existing files.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        suffixes: Sequence[str] | None = None,
        case_key: str = "case",
        overwrite: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = output_dir
        self.suffixes = dict(zip(self.keys, suffixes or _suffixes(self.keys), strict=True))
        self.case_key = case_key
        self.write = WriteRegions(overwrite)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the rows; the data is returned unchanged."""
        for key in self.key_iterator(dict(data)):
            self.write(data[key], result_path(self.output_dir, data[self.case_key], self.suffixes[key], ""))
        return dict(data)


def _suffixes(keys: Sequence[Hashable]) -> list[str]:
    return ["regions"] if len(keys) == 1 else [str(key) for key in keys]


WriteRegionsD = WriteRegionsDict = WriteRegionsd
