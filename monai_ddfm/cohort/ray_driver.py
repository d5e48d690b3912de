# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The same cohort on a Ray cluster: cases as tasks, tried again on another worker when they fail.

    python -m monai_ddfm.cohort.ray_driver --preset mri_pet --dataset_dir DIR --output_dir DIR
        [--retries 2] [--cpus 1] [--gpus 0] [--address auto] [--SETTING VALUE ...]

Needs ``pip install monai-ddfm[ray]``, and folders that every machine of the cluster sees under the same name.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from monai_ddfm.cohort.case_report import write_pages
from monai_ddfm.cohort.cases import find_cases
from monai_ddfm.cohort.cohort import fuse_cases
from monai_ddfm.cohort.run import failure_of
from monai_ddfm.cohort.run_log import FAILED, RunLog
from monai_ddfm.cohort.summary import summary_path, write_summary
from monai_ddfm.cohort.work_queue import bytes_of_case
from monai_ddfm.errors import end_in_one_line, reason_of
from monai_ddfm.extras import require_extra
from monai_ddfm.io.lock import locked_folder
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import DiffusionPrior

__all__ = ["fuse_case", "fuse_on_ray"]

logger = logging.getLogger(__name__)


def fuse_case(config: FusionConfig, case: Mapping[str, str], prior: DiffusionPrior | None = None) -> dict[str, Any]:
    """Fuse one case in the process that calls; the summary and the pages of all cases are the driver's.

    Returns:
        the note on it, as `RunLog` has it.

    Raises:
        Exception: the reason why it failed.
    """
    try:
        return fuse_cases(FusionPipeline(config.replace(summary=None), prior), [case], lock=False)[0]
    except Exception as error:
        raise reason_of(error) from None


def fuse_on_ray(
    dataset_dir: str,
    preset: str | None = None,
    datalist: str | None = None,
    retries: int = 2,
    cpus: float = 1,
    gpus: float = 0,
    address: str | None = None,
    prior: DiffusionPrior | None = None,
    **settings: Any,
) -> None:
    """Fuse every case of a folder on a Ray cluster, the largest first, and write the summary.

    Args:
        dataset_dir: folder of the cases.
        preset: a name of `monai_ddfm.bundle.preset_names`; None for the defaults.
        datalist: see `find_cases`.
        retries: how often a case that fails, or whose worker dies, is tried again.
        cpus: cores of a task; its number of threads, too.
        gpus: GPUs of a task, 0.5 for two tasks on one.
        address: of a cluster (``auto`` for that of this machine); None starts one here.
        prior: in place of the one that the settings name.
        **settings: of `FusionConfig`, by name, e.g. ``output_dir``.

    Raises:
        ImportError: Ray is not installed.
        BlockingIOError: another run holds the output folder.
        RuntimeError: some cases failed; the others are finished nevertheless.
    """
    require_extra("ray", "ray")
    import ray

    settings = {"threads": max(1, int(cpus)), "device": "cuda" if gpus else "cpu", "progress": False} | settings
    config = FusionConfig.of(preset, **settings)
    config = config.replace(output_dir=os.path.abspath(config.results.output_dir))
    cases = find_cases(os.path.abspath(dataset_dir), config.inputs.keys, datalist)
    summary = summary_path(config)
    names = [str(case["case"]) for case in cases]
    with locked_folder(config.results.output_dir):
        begun = time.perf_counter()
        if summary is not None:
            write_summary(summary, names, [], complete=False)
        if not ray.is_initialized():
            ray.init(address=address, include_dashboard=False)
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=retries, retry_exceptions=True)(fuse_case)
        shared_prior = ray.put(prior)
        largest_first = sorted(cases, key=lambda case: -bytes_of_case(case, config.inputs.keys))
        outcomes = _wait(ray, {task.remote(config, case, shared_prior): str(case["case"]) for case in largest_first})
        if summary is not None:
            workers = int(ray.cluster_resources().get("CPU", 1) // cpus) if cpus else 1
            write_summary(summary, names, outcomes, workers, time.perf_counter() - begun)
        write_pages(config, outcomes)
    if any(outcome["status"] == FAILED for outcome in outcomes):
        raise failure_of(names, outcomes)


def _wait(ray: Any, running: dict[Any, str]) -> list[dict[str, Any]]:
    """The notes on all cases, as their tasks end."""
    outcomes = []
    while running:
        (done,), _ = ray.wait(list(running), num_returns=1)
        outcomes.append(_outcome(ray, done, running.pop(done)))
        logger.info("%s: %s", outcomes[-1]["case"], outcomes[-1]["status"])
    return outcomes


def _outcome(ray: Any, task: Any, case: str) -> dict[str, Any]:
    """The note on a case; a failed one's reason is its own error, without Ray's account of the task."""
    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as error:
        reason = error.cause if getattr(error, "cause", None) is not None else error
    except ray.exceptions.RayError as error:  # the worker died, each time
        reason = error
    run_log = RunLog()
    run_log.failed(case, reason)
    return run_log.outcomes[0]


if __name__ == "__main__":
    import fire

    logging.basicConfig(level=logging.INFO)
    end_in_one_line()
    fire.Fire(fuse_on_ray)
