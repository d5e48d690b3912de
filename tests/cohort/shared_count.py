# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
