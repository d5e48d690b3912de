# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How long each stage of a fusion takes and how much memory: noted on what flows, so that cases do not mix."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from monai.data import MetaTensor
from monai.transforms import Transform
from torch import Tensor

from monai_ddfm.io.memory import peak_resident, return_freed_memory

__all__ = ["STAGES", "GatherStages", "Stage", "StageClock", "stages_of", "write_stages"]

STAGES = "stages"
"""Key of the notes, in the data and in the meta of an image: JSON in a text, as collating keeps texts."""

Notes = dict[str, dict[str, float]]


class StageClock:
    """Sums what stages take; a stage inside another is part of that one.

    Attributes:
        notes: for each stage ``seconds`` of wall time, ``processor`` seconds of all threads of the process (those of
            another case that is read or written meanwhile among them), and ``peak_mib``, the largest resident memory
            of the process up to the stage's end.
    """

    def __init__(self) -> None:
        self.notes: Notes = {}
        self._busy = False

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count what is done inside as part of stage `name`, and give back at its end what memory it freed.

        A GPU's work counts where the host waits for it.
        """
        if self._busy:
            yield
            return
        self._busy = True
        wall, processor = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._busy = False
            return_freed_memory()
            taken = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}
            self._add(name, {**taken, "peak_mib": peak_resident() / 2**20})

    def _add(self, name: str, new: Mapping[str, float]) -> None:
        self.notes = _together(self.notes, {name: {what: round(value, 3) for what, value in new.items()}})


def _together(first: Notes, second: Notes) -> Notes:
    """The notes of both; of a stage that is in both the sums of seconds, and the higher peak."""
    joined = {**first, **second}
    for name in first.keys() & second.keys():
        one, other = first[name], second[name]
        sums = {what: round(one[what] + other[what], 3) for what in ("seconds", "processor")}
        joined[name] = {**sums, "peak_mib": max(one["peak_mib"], other["peak_mib"])}
    return joined


class Stage(Transform):
    """Steps of a pipeline that are one stage; what they take is noted in the data under `STAGES`.

    Args:
        name: of the stage.
        steps: dictionary transforms, applied in turn.
    """

    def __init__(self, name: str, *steps: Callable[[Any], Any]) -> None:
        self.name = name
        self.steps = steps

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Apply the steps."""
        clock, given = StageClock(), data
        with clock(self.name):
            for step in self.steps:
                data = step(data)
        return {**data, STAGES: json.dumps(_together(stages_of(given), clock.notes))}


class GatherStages(Transform):
    """Add what an inferer noted with `write_stages` to the data's own notes.

    Args:
        key: of its answer.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Gather."""
        image = data.get(self.key)
        text = image.meta.get(STAGES) if isinstance(image, MetaTensor) else None
        noted = json.loads(text if isinstance(text, str) else text[0]) if text else {}
        return {**data, STAGES: json.dumps(_together(stages_of(data), noted))}


def stages_of(data: Any) -> Notes:
    """Return what the stages of a case took so far, see `StageClock.notes`; nothing where nobody noted it."""
    text = data.get(STAGES) if isinstance(data, Mapping) else None
    return json.loads(text) if isinstance(text, str) else {}


def write_stages(images: Tensor, clock: StageClock) -> None:
    """Note what the stages took in the meta of a batch ``[B, ...]``; only a MetaTensor has one."""
    if isinstance(images, MetaTensor):
        images.meta[STAGES] = [json.dumps(clock.notes)] * len(images)
