# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Several workers of one process that count together, for tests of what is handed out."""

from __future__ import annotations

from monai_ddfm.cohort import OneProcess


def workers(count: int) -> list[OneProcess]:
    """`OneProcess` objects that share their numbers and what is taken, as processes do through the store."""
    first = OneProcess()
    others = [OneProcess() for _ in range(count - 1)]
    for rank, worker in enumerate([first, *others]):
        worker.rank, worker.count = rank, count
        worker._numbers, worker._taken = first._numbers, first._taken
    return [first, *others]
