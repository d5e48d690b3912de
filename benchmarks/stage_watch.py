# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which part of a program is at work, told by the functions that it enters and leaves: nothing in them is changed."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from torch import Tensor

__all__ = ["REST", "StageWatch", "TensorsOf"]

REST = "all else"
TensorsOf = Callable[[Mapping[str, Any], Any], Iterable[Tensor]]
"""``(arguments by name, result) -> tensors`` that a function reads or writes, one that it does both to twice."""


class StageWatch:
    """Watches functions of this thread; the time of one within another is not counted in the other's.

    Args:
        stages: the name of the stage that each function belongs to.
        passes: functions that go through memory in blocks which stay in cache, and the tensors that they go through.
        settle: called before the clock is read, such as to wait for a GPU.
        on_pass: takes the tensors of each pass that is over.

    Attributes:
        seconds: by stage, so far.
    """

    def __init__(
        self,
        stages: Mapping[Callable[..., Any], str],
        passes: Mapping[Callable[..., Any], TensorsOf] | None = None,
        settle: Callable[[], None] = lambda: None,
        on_pass: Callable[[Iterable[Tensor]], None] = lambda tensors: None,
    ) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._stages = {_code(function): name for function, name in stages.items()}
        self._passes = {_code(function): tensors for function, tensors in (passes or {}).items()}
        self._settle, self._on_pass = settle, on_pass
        self._stack = [REST]
        self._under_way: list[dict[str, Any]] = []
        self._since = 0.0

    @property
    def stage(self) -> str:
        """What is at work now."""
        return self._stack[-1]

    @property
    def passing(self) -> bool:
        """Whether a pass is under way."""
        return bool(self._under_way)

    @contextmanager
    def __call__(self) -> Iterator[StageWatch]:
        """Watch what runs inside."""
        self._settle()
        self._since = time.perf_counter()
        sys.setprofile(self._event)
        try:
            yield self
        finally:
            sys.setprofile(None)
            self._switch()

    def _event(self, frame: FrameType, event: str, result: Any) -> None:
        if event not in ("call", "return"):
            return
        if tensors := self._passes.get(frame.f_code):
            self._pass(frame, event, tensors, result)
        if name := self._stages.get(frame.f_code):
            self._switch()
            if event == "call":
                self._stack.append(name)
            else:
                self._stack.pop()

    def _switch(self) -> None:
        """What passed since the last switch belongs to the stage at work."""
        self._settle()
        now = time.perf_counter()
        self.seconds[self.stage] += now - self._since
        self._since = now

    def _pass(self, frame: FrameType, event: str, tensors: TensorsOf, result: Any) -> None:
        if event == "call":
            self._under_way.append(dict(frame.f_locals))
        else:
            arguments = self._under_way.pop()
            if not self._under_way:  # a pass within another is part of it
                self._on_pass(tensors(arguments, result))


def _code(function: Callable[..., Any]) -> CodeType:
    return function.__code__
