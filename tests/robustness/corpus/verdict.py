# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Is a bad input met as it should be: read right, or refused in words of our own, in bounded time and memory?"""

from __future__ import annotations

import gc
import signal
import traceback
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

import monai_ddfm
from monai_ddfm.errors import reason_of
from monai_ddfm.io.memory import peak_resident
from tests.robustness.corpus.bad_input import BadInput

__all__ = ["bounded", "met_whole", "require_right", "verdict"]

SECONDS = 10
SLACK = 4 << 20  # bytes: what imports, warnings and error messages take
RESIDENT_SLACK = 64 << 20  # and what the allocators of libraries keep, which Python does not see
PACKAGE = str(Path(monai_ddfm.__file__).parent)
FORESEEN = (ValueError, OSError, MemoryError, ImportError, TypeError)


@contextmanager
def bounded(memory: int) -> Iterator[None]:
    """Fail what hangs, or takes more than twice the memory of the clean case."""

    def hangs(*_: object) -> None:
        raise AssertionError(f"hangs for {SECONDS} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(SECONDS)
    gc.disable()  # finalizers that run within an input nested without end fail there, and pytest with them
    tracemalloc.start()
    resident = _resident_so_far()
    try:
        yield
        peak, grown = tracemalloc.get_traced_memory()[1], peak_resident() - resident
        assert peak <= 2 * memory + SLACK, f"took {peak >> 20} MiB, the clean case {memory >> 20}"
        assert grown <= 2 * memory + RESIDENT_SLACK, f"grew by {grown >> 20} MiB, the clean case took {memory >> 20}"
    finally:
        tracemalloc.stop()
        gc.enable()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _resident_so_far() -> int:
    """The peak of the resident memory, which on Linux begins anew here."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_resident()


def fault_of_refusal(error: BaseException, named: str) -> str | None:
    """What is wrong with an error: not ours, a library's, or one that does not name what it is about."""
    reason = reason_of(error)
    if not isinstance(reason, FORESEEN):
        return f"{type(reason).__name__}: {reason}"
    raised_in = traceback.extract_tb(reason.__traceback__)[-1].filename if reason.__traceback__ else PACKAGE
    if not raised_in.startswith(PACKAGE):
        return f"raised in {raised_in}: {type(reason).__name__}: {reason}"
    return None if named in str(reason) else f"does not name {named}: {reason}"


def verdict(bad: BadInput, door: Callable[[Any], Any], folder: Path, clean: Any, memory: int) -> str | None:
    """What is wrong with how a bad input is met; None when it is right."""
    given = bad.make(folder)
    named = bad.names or Path(str(given)).name
    try:
        with bounded(memory), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = door(given)
            except AssertionError:
                raise
            except Exception as error:
                return f"refused: {reason_of(error)}" if bad.harmless else fault_of_refusal(error, named)
    except AssertionError as error:
        return str(error)
    if not bad.harmless:
        return "let in"
    same = np.shape(found) == np.shape(clean) and np.allclose(found, clean, rtol=1e-4, atol=1e-3)
    return None if same else "read as something else"


def met_whole(door: Callable[[Any], Any], whole: Any) -> tuple[Any, int]:
    """What the input that is as it should be gives, and the memory it takes, once all is imported."""
    door(whole)
    tracemalloc.start()
    clean = door(whole)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return clean, memory


def require_right(inputs: list[BadInput], door: Callable[[Any], Any], clean: Any, memory: int, folder: Path) -> None:
    faults = {}
    assert len({bad.name for bad in inputs}) == len(inputs)
    for number, bad in enumerate(inputs):
        place = folder / str(number)
        place.mkdir()
        if (fault := verdict(bad, door, place, clean, memory)) is not None:
            faults[bad.name] = fault[:400]
    assert not faults, f"{len(faults)} of {len(inputs)}:\n" + "\n".join(
        f"{name}: {fault}" for name, fault in faults.items()
    )
