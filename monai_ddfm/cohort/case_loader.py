# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The data loader of a run: the case that comes next is loaded while the one before is fused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from monai.data.utils import list_data_collate

from monai_ddfm.cohort.cases import FAULT, CaseDataset
from monai_ddfm.cohort.record import DIGESTS, digested
from monai_ddfm.cohort.results import Results
from monai_ddfm.cohort.run_log import RunLog
from monai_ddfm.cohort.work_queue import WorkQueue

__all__ = ["CaseLoader"]


class _Loaded(NamedTuple):
    case_index: int
    batch: dict[str, Any] | None  # None: finished before, or failed
    error: Exception | None = None


class CaseLoader:
    """Yields batches of one case each, for an evaluator; a case that cannot be loaded is noted and passed over.

    It has no length, as other processes take cases too, and it is its own iterator: a second loop goes on where the
    first one broke off.

    Args:
        dataset: the cases.
        work_queue: which of them this process does.
        results: which of them are finished.
        run_log: where kept and failed cases are noted.

    Attributes:
        current: name of the case that was returned last, None after the end.
        exhausted: whether the end was reached.
    """

    def __init__(self, dataset: CaseDataset, work_queue: WorkQueue, results: Results, run_log: RunLog) -> None:
        self.dataset = dataset
        self.work_queue = work_queue
        self.results = results
        self.run_log = run_log
        self.names = [str(case["case"]) for case in dataset.data]
        self.current: str | None = None
        self.exhausted = False
        self._thread = ThreadPoolExecutor(1, "load")
        self._ahead: tuple[int, Future[_Loaded]] | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Go on with the cases that are left."""
        return self

    def __next__(self) -> dict[str, Any]:
        """Return the next case that is to be fused."""
        self.current = None
        while not self.run_log.no_room and (loaded := self._next_loaded()) is not None:
            index, batch, error = loaded
            case = self.names[index]
            if error is not None:
                self.run_log.failed(case, error)
            elif batch is None:
                self.run_log.kept(case)
            else:
                self.results.remove_partial(case)
                self.current = case
                self.run_log.begin(case, "fuse")
                return batch
        self._thread.shutdown()
        self.exhausted = True
        raise StopIteration

    def _next_loaded(self) -> _Loaded | None:
        """A case that this process has taken: the one loaded ahead, or one loaded now; the next begins to load."""
        loaded = None
        if self._ahead is not None:
            index, loading = self._ahead
            loaded = loading.result() if self.work_queue.take(index) else None
        if loaded is None:
            taken = self.work_queue.take_next()
            if taken is None:
                return None
            loaded = self._thread.submit(self._load, taken).result()
        following = self.work_queue.next_to_load()
        self._ahead = None if following is None else (following, self._thread.submit(self._load, following))
        return loaded

    def _load(self, index: int) -> _Loaded:
        try:
            with self.run_log.timed(self.names[index], "load"):
                return _Loaded(index, self._batch(index))
        except Exception as error:  # whatever is wrong with a case, the others go on
            return _Loaded(index, None, error)

    def _batch(self, index: int) -> dict[str, Any] | None:
        """The case as a batch of one, with the digests of the bytes that were read; None when it is finished."""
        case = self.dataset.data[index]
        if FAULT in case:
            raise FileNotFoundError(case[FAULT])
        with digested(case, self.results.pipeline) as digests:
            if self.results.are_finished(case, digests):
                return None
            loaded = self.dataset[index]
        return list_data_collate([{**loaded, DIGESTS: json.dumps(digests)}])
