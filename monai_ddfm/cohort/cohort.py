# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The cases of a run and all that makes, times and remembers their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from monai.engines import Evaluator, SupervisedEvaluator
from monai.transforms import Compose
from monai.utils import set_determinism

from monai_ddfm.cohort.case_loader import CaseLoader
from monai_ddfm.cohort.case_report import WriteReport, write_pages
from monai_ddfm.cohort.cases import CaseDataset
from monai_ddfm.cohort.facts import NoteEffort, NoteFacts
from monai_ddfm.cohort.heard import listening
from monai_ddfm.cohort.processes import OneProcess
from monai_ddfm.cohort.record import BeginRecord, FinishRecord
from monai_ddfm.cohort.results import Results
from monai_ddfm.cohort.run import run_cohort
from monai_ddfm.cohort.run_log import RunLog
from monai_ddfm.cohort.summary import summary_path
from monai_ddfm.cohort.work_queue import WorkQueue
from monai_ddfm.cohort.write_behind import WriteBehind
from monai_ddfm.io.memory import keep_freed_memory
from monai_ddfm.pipeline import FusionPipeline
from monai_ddfm.stages import Stage

__all__ = ["Cohort", "fuse_cases"]


class Cohort:
    """Everything that a run needs beside MONAI's evaluator.

    Args:
        pipeline: what the cases are fused with.
        dataset: the cases; each is loaded by the pipeline's preprocessing.
        processes: that share the cases.

    Attributes:
        loader: the evaluator's data loader: the cases that this process does, each loaded ahead.
        postprocessing: the evaluator's postprocessing: writes a case while the next is fused.
        run_log: what became of the cases in this process.
    """

    def __init__(self, pipeline: FusionPipeline, dataset: CaseDataset, processes: OneProcess | None = None) -> None:
        self.pipeline = pipeline
        self.processes = processes or OneProcess()
        self.run_log = RunLog(self.processes.rank, alone=len(dataset.data) == 1)
        queue = WorkQueue(dataset.data, pipeline.keys, self.processes)
        written = Results(pipeline)
        self.loader = CaseLoader(dataset, queue, written, self.run_log)
        results = pipeline.config.results
        steps = [
            Stage("recording", BeginRecord(pipeline)),
            Stage("facts", NoteFacts(pipeline.config)),
            pipeline.writing,
        ]
        steps += [NoteEffort(results.output_dir, self.run_log, pipeline.device)]
        steps += [Stage("report", WriteReport(pipeline.config))] if results.report else []
        steps += [FinishRecord(results.output_dir)]
        self.postprocessing = WriteBehind(Compose(steps), self.run_log, written.discard)

    def prepare(self) -> None:
        """Prepare this process: its memory, its threads, its random state, the prior on its device."""
        keep_freed_memory()
        set_determinism(self.pipeline.config.sampling.seed)
        if self.pipeline.config.execution.threads is not None:
            torch.set_num_threads(self.pipeline.config.execution.threads)
        self.pipeline.prior.eval()

    def evaluator(self) -> SupervisedEvaluator:
        """Return the evaluator that the bundle's configuration describes."""
        return SupervisedEvaluator(
            device=self.pipeline.device,
            val_data_loader=self.loader,
            network=self.pipeline.prior,
            inferer=self.pipeline.inferer,
            postprocessing=self.postprocessing,
        )

    def run(self, evaluator: Evaluator, lock: bool = True) -> None:
        """Fuse every case; see `run_cohort`.

        Args:
            evaluator: fuses the batches of `loader` and ends in `postprocessing`.
            lock: hold the output folder against other runs.
        """
        config = self.pipeline.config
        folder = config.results.output_dir if lock else None
        summary = summary_path(config)
        pages = partial(write_pages, config)
        with listening(self.run_log):
            run_cohort(evaluator, self.loader, self.postprocessing, self.processes, folder, summary, pages)


def fuse_cases(pipeline: FusionPipeline, cases: Sequence[Mapping[str, Any]], lock: bool = True) -> list[dict[str, Any]]:
    """Fuse cases to files in this process, as the bundle does.

    Args:
        pipeline: what they are fused with.
        cases: ``{"case": name, key: path, ...}`` each.
        lock: hold the output folder against other runs.

    Returns:
        the notes on the cases, as `RunLog` has them.

    Raises:
        Exception: what kept a case from being fused; see `run_cohort`.
    """
    cohort = Cohort(pipeline, CaseDataset(data=[dict(case) for case in cases], transform=pipeline.preprocessing))
    cohort.prepare()
    cohort.run(cohort.evaluator(), lock)
    return cohort.run_log.outcomes
