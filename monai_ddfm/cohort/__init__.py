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

"""Many cases over processes, GPUs and machines: handed out, loaded ahead, written behind, accounted for."""

from __future__ import annotations

from monai_ddfm.cohort.case_loader import CaseLoader
from monai_ddfm.cohort.device import check_device, local_device, threads_per_process
from monai_ddfm.cohort.processes import OneProcess, TorchrunProcesses
from monai_ddfm.cohort.run import run_cohort
from monai_ddfm.cohort.run_log import RunLog
from monai_ddfm.cohort.summary import write_summary
from monai_ddfm.cohort.work_queue import WorkQueue
from monai_ddfm.cohort.write_behind import WriteBehind

__all__ = [
    "CaseLoader",
    "WorkQueue",
    "RunLog",
    "OneProcess",
    "TorchrunProcesses",
    "WriteBehind",
    "check_device",
    "local_device",
    "run_cohort",
    "threads_per_process",
    "write_summary",
]
