# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What became of every case in one process, and how long each stage took."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from monai_ddfm.cohort.shortage import with_remedy
from monai_ddfm.errors import reason_of

__all__ = ["FAILED", "FINISHED", "KEPT", "RunLog"]

logger = logging.getLogger(__name__)
FINISHED, KEPT, FAILED = "finished", "kept", "failed"
_NO_ROOM = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}


class RunLog:
    """Notes of one process about its cases.

    A note is ``{"case", "status", "reason", "rank", "seconds": {"load": s, "fuse": s, "write": s}, "warnings": [...],
    "stages": {stage: {"seconds", "processor", "peak_mib"}}}``, the stages of a finished case;
    the status is ``finished``, ``kept`` (a result of an earlier run stands) or ``failed``.

    Args:
        rank: number of this process.
        alone: there is one case only: its failure is the run's, and is not said twice.
    """

    def __init__(self, rank: int = 0, alone: bool = False) -> None:
        self.rank = rank
        self.alone = alone
        self.errors: dict[str, BaseException] = {}
        self._notes: dict[str, dict[str, Any]] = {}
        self._begun: dict[tuple[str, str], float] = {}
        self._at_hand: dict[int, str] = {}  # by thread

    def _note(self, case: str) -> dict[str, Any]:
        new: dict[str, Any] = {"case": case, "status": None, "reason": None, "rank": self.rank}
        return self._notes.setdefault(case, new | {"seconds": {}, "warnings": []})

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """The notes on all cases whose end is known."""
        return [note for note in self._notes.values() if note["status"]]

    @property
    def no_room(self) -> bool:
        """Whether results could not be written because the disk is full: other cases would fail alike."""
        return any(isinstance(error, OSError) and error.errno in _NO_ROOM for error in self.errors.values())

    def begin(self, case: str, stage: str) -> None:
        """Start the clock of a stage."""
        self._begun[case, stage] = time.perf_counter()
        self._at_hand[threading.get_ident()] = case

    def end(self, case: str, stage: str) -> None:
        """Stop the clock of a stage and note the seconds."""
        self._at_hand.pop(threading.get_ident(), None)
        self._note(case)["seconds"][stage] = round(time.perf_counter() - self._begun.pop((case, stage)), 3)

    @contextmanager
    def timed(self, case: str, stage: str) -> Iterator[None]:
        """Note the seconds spent inside."""
        self.begin(case, stage)
        try:
            yield
        finally:
            self.end(case, stage)

    def finished(self, case: str, stages: Mapping[str, Mapping[str, float]] | None = None) -> None:
        """Note that all results of a case are written.

        Args:
            case: its name.
            stages: what each stage took, see `monai_ddfm.stages.StageClock`.
        """
        self._note(case).update({"status": FINISHED} | ({"stages": dict(stages)} if stages else {}))

    def warned(self, thread: int, text: str) -> None:
        """Note what was warned of in a thread, with the case that it works on; nothing where it works on none."""
        case = self._at_hand.get(thread)
        if case is not None and text not in (heard := self._note(case)["warnings"]):
            heard.append(text)

    def effort(self, case: str) -> dict[str, Any]:
        """Return the seconds of each stage that has ended, and what was warned of."""
        note = self._note(case)
        return {"seconds": dict(note["seconds"]), "warnings": list(note["warnings"])}

    def kept(self, case: str) -> None:
        """Note that a case had been finished before, from the same files and settings."""
        self._note(case)["status"] = KEPT
        logger.warning("%s: finished already, kept", case)

    def failed(self, case: str, error: BaseException) -> None:
        """Note why a case has no result."""
        reason = with_remedy(reason_of(error), case)
        self.errors[case] = reason.with_traceback(None)  # a traceback would hold the case's volumes
        self._note(case).update(status=FAILED, reason=f"{type(reason).__name__}: {reason}")
        if not self.alone:
            logger.error("%s: failed, %s: %s", case, type(reason).__name__, reason)
