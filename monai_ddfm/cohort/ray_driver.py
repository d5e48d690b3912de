# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The same cohort on a Ray cluster: cases as tasks, tried again on another worker when they fail.

    python -m monai_ddfm.cohort.ray_driver --config_file "['bundle/configs/inference.yaml','configs/mri_pet.yaml']"
        --dataset_dir DIR --output_dir DIR [--retries 2] [--cpus 1] [--gpus 0] [--address auto] [--ID VALUE ...]

Needs ``pip install monai-ddfm[ray]``, and folders that every machine of the cluster sees under the same name.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow
from monai.utils import ensure_tuple, optional_import

from monai_ddfm.cohort.run import failure_of
from monai_ddfm.cohort.run_log import FAILED, RunLog
from monai_ddfm.cohort.summary import write_summary
from monai_ddfm.cohort.work_queue import bytes_of_case
from monai_ddfm.errors import reason_of

__all__ = ["fuse_case", "fuse_on_ray"]

logger = logging.getLogger(__name__)


def fuse_case(config_files: Sequence[str], overrides: Mapping[str, Any], case: Mapping[str, str]) -> dict[str, Any]:
    """Fuse one case by the bundle's workflow, in the process that calls.

    Returns:
        the note on it, as `RunLog` has it.

    Raises:
        Exception: the reason why it failed.
    """
    one_case = {"dataset#data": [dict(case)], "summary": None, "progress": False}
    try:
        workflow = ConfigWorkflow(list(config_files), workflow_type="inference", **{**overrides, **one_case})
        workflow.initialize()
        workflow.run()
        run_log: RunLog = workflow.parser.get_parsed_content("run_log")
    except Exception as error:
        raise reason_of(error) from None
    return run_log.outcomes[0]


def fuse_on_ray(
    config_file: str | Sequence[str],
    retries: int = 2,
    cpus: float = 1,
    gpus: float = 0,
    address: str | None = None,
    **overrides: Any,
) -> None:
    """Fuse every case of a folder on a Ray cluster, the largest first, and write the summary.

    Args:
        config_file: the bundle's configuration and its overlays, as for ``monai.bundle run``.
        retries: how often a case that fails, or whose worker dies, is tried again.
        cpus: cores of a task; its number of threads, too.
        gpus: GPUs of a task, 0.5 for two tasks on one.
        address: of a cluster (``auto`` for that of this machine); None starts one here.
        **overrides: values of the configuration by id, e.g. ``dataset_dir``.

    Raises:
        ImportError: Ray is not installed.
        RuntimeError: some cases failed; the others are finished nevertheless.
    """
    ray, installed = optional_import("ray")
    if not installed:
        raise ImportError("this needs Ray: pip install monai-ddfm[ray]")
    files = [os.path.abspath(file) for file in ensure_tuple(config_file)]
    folders = [key for key in ("dataset_dir", "output_dir") if key in overrides]
    absolute = {key: os.path.abspath(overrides[key]) for key in folders}
    overrides = {"threads": max(1, int(cpus)), "device": "cuda" if gpus else "cpu"} | overrides | absolute
    parser = ConfigParser()
    parser.read_config(files)
    parser.update(overrides)
    cases, keys = parser.get_parsed_content("dataset#data"), parser.get_parsed_content("keys")
    summary = parser.get_parsed_content("summary")
    largest_first = sorted(cases, key=lambda case: -bytes_of_case(case, keys))
    begun, names = time.perf_counter(), [str(case["case"]) for case in cases]
    if summary is not None:
        write_summary(Path(summary), names, [], complete=False)

    if not ray.is_initialized():
        ray.init(address=address, include_dashboard=False)
    task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=retries, retry_exceptions=True)(fuse_case)
    running = {task.remote(files, overrides, case): str(case["case"]) for case in largest_first}
    outcomes = []
    while running:
        (done,), _ = ray.wait(list(running), num_returns=1)
        outcomes.append(_outcome(ray, done, running.pop(done)))
        logger.info("%s: %s", outcomes[-1]["case"], outcomes[-1]["status"])

    if summary is not None:
        workers = int(ray.cluster_resources().get("CPU", 1) // cpus) if cpus else 1
        write_summary(Path(summary), names, outcomes, workers, time.perf_counter() - begun)
    if any(outcome["status"] == FAILED for outcome in outcomes):
        raise failure_of(names, outcomes)


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

    from monai_ddfm.errors import say_reason_last

    logging.basicConfig(level=logging.INFO)
    say_reason_last()
    fire.Fire(fuse_on_ray)
