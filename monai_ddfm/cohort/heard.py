# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Warnings, told apart by the case that was worked on: each stage of a case has a thread of its own."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from monai_ddfm.cohort.run_log import RunLog

__all__ = ["listening"]

_LOGGER = logging.getLogger("monai_ddfm")


class _Ear(logging.Handler):
    def __init__(self, run_log: RunLog) -> None:
        super().__init__(logging.WARNING)
        self.run_log = run_log

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.ERROR:  # errors are the reason of a failure
            self.run_log.warned(record.thread or 0, record.getMessage())


@contextmanager
def listening(run_log: RunLog) -> Iterator[None]:
    """Note what is warned of, by ``warnings`` and this package's loggers, with the case at hand; it is said as ever."""
    ear, said = _Ear(run_log), warnings.showwarning

    def note(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, UserWarning):  # not what concerns programmers: deprecations and the like
            run_log.warned(threading.get_ident(), str(message))
        said(message, category, *where, **more)

    _LOGGER.addHandler(ear)
    warnings.showwarning = note
    try:
        yield
    finally:
        warnings.showwarning = said
        _LOGGER.removeHandler(ear)
