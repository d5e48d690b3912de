# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which process does which case: largest first, none left waiting behind another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_ddfm.cohort.processes import OneProcess

__all__ = ["WorkQueue", "bytes_of_case"]


def bytes_of_case(case: Mapping[str, Any], keys: Sequence[str]) -> int:
    """Return the size of a case's files; a missing file counts nothing."""
    paths = [Path(case[key]) for key in keys if key in case]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())


class WorkQueue:
    """Hands out cases, the largest first, so that the run does not end in waiting for a large one.

    A process that fuses loads one case ahead, one that nobody else loads; it takes it only when it begins to fuse it.
    A process that is free and has nothing loaded takes a case at once, in the end one that others have loaded but not
    taken: no case waits behind another while a process is idle.

    Args:
        cases: ``{"case": name, key: path, ...}`` each, the same list in every process.
        keys: the sources.
        processes: of this run.
    """

    def __init__(self, cases: Sequence[Mapping[str, Any]], keys: Sequence[str], processes: OneProcess) -> None:
        sizes = [bytes_of_case(case, keys) for case in cases]
        self._order = sorted(range(len(cases)), key=lambda index: (-sizes[index], index))
        self._places = {index: place for place, index in enumerate(self._order)}
        self._processes = processes

    def next_to_load(self) -> int | None:
        """Return the index of a case that no other process is told to load, None when there is none left."""
        place = self._processes.next_number()
        return self._order[place] if place < len(self._order) else None

    def take(self, index: int) -> bool:
        """Take case `index` to work on it; False when another process has."""
        return self._processes.take(self._places[index])

    def take_next(self) -> int | None:
        """Take a case that nobody has taken and return its index, None when all are taken."""
        while (index := self.next_to_load()) is not None:
            if self.take(index):
                return index
        for place, index in enumerate(self._order):
            if not self._processes.is_taken(place) and self.take(index):
                return index
        return None
