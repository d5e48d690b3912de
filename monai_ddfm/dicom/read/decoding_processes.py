# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Decoding the compressed files of a series in several processes: decoders hold Python's lock, threads gain nothing.

Each process is an interpreter of its own that runs this module and nothing of the caller's, unlike `multiprocessing`,
which runs the caller's main module again. It is given paths and answers with the decoded arrays, through pipes.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing import current_process
from queue import SimpleQueue
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID, RLELossless

from monai_ddfm.dicom.read.find_instances import Instance
from monai_ddfm.dicom.read.pixel_size import decoded_bytes
from monai_ddfm.dicom.read.stored_values import stored_values

__all__ = ["answer_paths", "decoded_files"]

_PAYS_FROM = 48 << 20  # decoded bytes, about 5 s of JPEG 2000; to start a process takes 0.6 s of a processor
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from monai_ddfm.dicom.read.decoding_processes import answer_paths; "
    "answer_paths(sys.stdin.buffer, sys.stdout.buffer)"
)


class _Decoder:
    """A process that decodes one file after the other; where it cannot, this process does, and has the error."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __call__(self, path: str) -> NDArray[np.generic]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            pickle.dump(path, self._process.stdin)
            self._process.stdin.flush()
            frames, said = pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):  # it never started, or was killed
            frames = None
        if frames is None:
            return stored_values(path)
        for category, text in said:
            warnings.warn(text, category, stacklevel=2)
        return frames

    def close(self) -> None:
        """End the process, in the middle of a file if need be."""
        self._process.kill()
        self._process.communicate()


def decoded_files(instances: Sequence[Instance]) -> Iterator[NDArray[np.generic]]:
    """Decode files, the compressed ones of a long series on all threads that this process may use.

    Args:
        instances: one per file.

    Yields:
        what `stored_values` returns for each, in order; the first file in that order that it refuses raises its error.
    """
    paths = [one.path for one in instances]
    with ExitStack() as running:
        decoders: SimpleQueue[_Decoder] = SimpleQueue()
        with suppress(OSError):  # no more processes, or none at all, on this machine
            for _ in range(_processes(instances)):
                decoder = _Decoder()
                running.callback(decoder.close)
                decoders.put(decoder)
        if decoders.empty():
            yield from map(stored_values, paths)
            return

        def decode(path: str) -> NDArray[np.generic]:
            free = decoders.get()
            try:
                return free(path)
            finally:
                decoders.put(free)

        at_once = decoders.qsize()
        threads = running.enter_context(ThreadPoolExecutor(at_once, "decode"))
        for first in range(0, len(paths), 8 * at_once):  # so that few wait for their turn in memory
            yield from threads.map(decode, paths[first : first + 8 * at_once])


def _processes(instances: Sequence[Instance]) -> int:
    """How many processes pay: 0 for little data, or where others already use the cores or none can be started."""
    if current_process().daemon or getattr(sys, "frozen", False) or not sys.executable:
        return 0
    slow = [one for one in instances if _is_slow(UID(one.header.file_meta.get("TransferSyntaxUID", "")))]
    if len(slow) < 2 or sum(decoded_bytes(one.header) for one in slow) < _PAYS_FROM:
        return 0
    import torch  # not at the top: `answer_paths` runs in interpreters that have no use for it

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(torch.get_num_threads(), cores, len(slow))
    return count if count > 1 else 0


def _is_slow(syntax: UID) -> bool:
    """Whether decoding costs more than moving the answer to another process; of RLE and deflated files it does not."""
    return syntax.is_compressed and not syntax.is_deflated and syntax != RLELossless


def answer_paths(paths: BinaryIO, answers: BinaryIO) -> None:
    """Read pickled paths until there are no more; answer each with its array and warnings, or None for an error."""
    while True:
        try:
            path = pickle.load(paths)
        except EOFError:
            return
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                frames = np.ascontiguousarray(stored_values(path))
            except Exception:  # it is decoded again where its error is wanted
                frames = None
        pickle.dump((frames, [(one.category, str(one.message)) for one in caught]), answers, protocol=5)
        answers.flush()
