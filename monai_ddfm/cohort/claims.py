# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Which process does which case: largest first, none left waiting behind another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_ddfm.cohort.processes import OneProcess

__all__ = ["Claims", "bytes_of_case"]


def bytes_of_case(case: Mapping[str, Any], keys: Sequence[str]) -> int:
    """Return the size of a case's files; a missing file counts nothing."""
    paths = [Path(case[key]) for key in keys if key in case]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())


class Claims:
    """Hands out cases, the largest first, so that the run does not end in waiting for a large one.

    A case is loaded while the one before is fused, so a process gets it in two steps: it is told to load it (a case
    that nobody else loads, while there are such), and takes it when it begins to fuse it. A process that finds nothing
    more to load goes through those that others have loaded but not taken: no case waits behind another while a process
    is idle.

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

    def to_load(self) -> Iterator[int]:
        """Yield the indices of cases for this process to load, until every case is taken."""
        own = set()
        while (place := self._processes.next_number()) < len(self._order):
            own.add(place)
            yield self._order[place]
        for place in range(len(self._order)):
            if place not in own and not self._processes.is_taken(place):
                yield self._order[place]

    def take(self, index: int) -> bool:
        """Take case `index` to work on it; False when another process has."""
        return self._processes.take(self._places[index])
