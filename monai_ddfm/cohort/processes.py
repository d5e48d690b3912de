# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The processes of a run: how they count together, and wait for each other."""

from __future__ import annotations

import itertools
import json
import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

__all__ = ["OneProcess", "TorchrunProcesses"]


class OneProcess:
    """A process alone.

    Attributes:
        rank: number of this process.
        count: how many there are.
    """

    def __init__(self) -> None:
        self.rank, self.count = 0, 1
        self._numbers = itertools.count()
        self._taken: set[int] = set()

    def next_number(self) -> int:
        """Return 0, 1, 2, ...: each number to one process only."""
        return next(self._numbers)

    def take(self, number: int) -> bool:
        """Take `number` for good; False when it was taken before, here or by another process."""
        if number in self._taken:
            return False
        self._taken.add(number)
        return True

    def is_taken(self, number: int) -> bool:
        """Return whether any process has taken `number`."""
        return number in self._taken

    def meet(self) -> None:
        """Wait until every process is here."""

    def gather(self, mine: Any) -> list[Any]:
        """Return what every process brings (plain JSON), by rank; waits until all have."""
        return [mine]

    def leave(self) -> None:
        """End the group when all have come here: one that stops early would take the others with it."""


class TorchrunProcesses(OneProcess):
    """The processes that ``torchrun`` started, on one machine or several, with torch's key-value store between them.

    Numbers and outcomes go through the store over TCP: no lock files, and no image is sent.

    Args:
        device: of this process: NCCL for a GPU, gloo for the CPU.
        longest_wait: hours to wait at the end for the processes that still work.

    Raises:
        ValueError: not started by torchrun.
    """

    def __init__(self, device: torch.device | str = "cpu", longest_wait: float = 168.0) -> None:
        super().__init__()
        if "RANK" not in os.environ or "MASTER_ADDR" not in os.environ:
            raise ValueError(
                "this configuration is for several processes: start it with `torchrun --nproc_per_node N -m "
                "monai.bundle run ...`, or leave multi_gpu_inference.yaml out"
            )
        device = torch.device(device)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        shared, self.rank, self.count = next(dist.rendezvous("env://"))
        # torchrun's store outlives its workers: after a restart, what the dead ones left in it must not be read
        store = dist.PrefixStore(f"attempt_{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", shared)
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=dist.PrefixStore("group", store), rank=self.rank, world_size=self.count)
        self._store = dist.PrefixStore("cohort", store)
        self._longest_wait = timedelta(hours=longest_wait)

    def next_number(self) -> int:
        """See `OneProcess`."""
        return int(self._store.add("numbers", 1)) - 1

    def take(self, number: int) -> bool:
        """See `OneProcess`."""
        return bool(self._store.add(f"taken/{number}", 1) == 1)

    def is_taken(self, number: int) -> bool:
        """See `OneProcess`."""
        return bool(self._store.check([f"taken/{number}"]))

    def meet(self) -> None:
        """See `OneProcess`."""
        dist.barrier()

    def gather(self, mine: Any) -> list[Any]:
        """See `OneProcess`."""
        self._store.set(f"outcomes/{self.rank}", json.dumps(mine))
        keys = [f"outcomes/{rank}" for rank in range(self.count)]
        self._store.wait(keys, self._longest_wait)
        return [json.loads(self._store.get(key)) for key in keys]

    def leave(self) -> None:
        """See `OneProcess`."""
        self._store.set(f"left/{self.rank}", "")
        self._store.wait([f"left/{rank}" for rank in range(self.count)], self._longest_wait)
        dist.destroy_process_group()
