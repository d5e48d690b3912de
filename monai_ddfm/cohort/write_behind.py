# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Writing the results of one case while the next is fused."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from monai.transforms import Transform

from monai_ddfm.cohort.run_log import RunLog
from monai_ddfm.stages import stages_of

__all__ = ["WriteBehind"]


class WriteBehind(Transform):
    """Apply a transform in a thread of its own, one case at a time, and note what became of the case.

    The data come back as they were; at most one case waits, so memory stays bounded.

    Args:
        transform: restores and writes, on the CPU.
        run_log: where finished and failed cases are noted.
        clear: called with the name of a case that could not be written.
        case_key: key of the case's name.
    """

    def __init__(
        self,
        transform: Callable[[Any], Any],
        run_log: RunLog,
        clear: Callable[[str], None] = lambda case: None,
        case_key: str = "case",
    ) -> None:
        self.transform = transform
        self.run_log = run_log
        self.clear = clear
        self.case_key = case_key
        self._thread = ThreadPoolExecutor(1, "write")
        self._writing: Future[None] | None = None

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """Hand the fused case over for writing, as soon as the one before is written."""
        on_host = {key: value.cpu() if isinstance(value, torch.Tensor) else value for key, value in data.items()}
        self.run_log.end(data[self.case_key], "fuse")
        self.wait()
        self._writing = self._thread.submit(self._write, on_host)
        return data

    def _write(self, data: dict[Hashable, Any]) -> None:
        case = data[self.case_key]
        try:
            with self.run_log.timed(case, "write"):
                written = self.transform(data)
        except Exception as error:  # whatever is wrong with a case, the others go on
            self.run_log.failed(case, error)
            self.clear(case)
        else:
            self.run_log.finished(case, stages_of(written))

    def wait(self) -> None:
        """Wait until everything handed over is written."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None
