# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Many cases over processes, GPUs and machines: handed out, loaded ahead, written behind, accounted for."""

from __future__ import annotations

from monai_ddfm.cohort.case_loader import CaseLoader
from monai_ddfm.cohort.cases import CaseDataset, find_cases
from monai_ddfm.cohort.cohort import Cohort, fuse_cases
from monai_ddfm.cohort.device import local_device, threads_per_process
from monai_ddfm.cohort.processes import OneProcess, TorchrunProcesses
from monai_ddfm.cohort.run import run_cohort
from monai_ddfm.cohort.run_log import RunLog
from monai_ddfm.cohort.summary import write_summary
from monai_ddfm.cohort.work_queue import WorkQueue
from monai_ddfm.cohort.write_behind import WriteBehind

__all__ = [
    "CaseDataset",
    "CaseLoader",
    "Cohort",
    "OneProcess",
    "RunLog",
    "TorchrunProcesses",
    "WorkQueue",
    "WriteBehind",
    "find_cases",
    "fuse_cases",
    "local_device",
    "run_cohort",
    "threads_per_process",
    "write_summary",
]
