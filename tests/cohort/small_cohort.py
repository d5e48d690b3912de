# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A cohort of tiny cases, fused by the bundle's own configuration with a prior that costs nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.bundle import ConfigWorkflow

import monai_ddfm.cohort
import monai_ddfm.inferers
import monai_ddfm.transforms  # noqa: F401 # so that processes forked from here have everything
from monai_ddfm.bundle import BUNDLE_ROOT, config_files
from monai_ddfm.errors import reason_of

SETTINGS = {
    "anchor": "MR",
    "sources": ["PET"],
    "rectifier": "em",
    "steps": 2,
    "precision": "float32",
    "check_registration": False,
    "progress": False,
    "device": "cpu",
    "threads": 1,
}


NO_PRIOR = {"network_def": {"_target_": "monai_ddfm.priors.IdentityPrior"}}  # the bundle's own id, no setting


def quick_processes() -> Any:
    """Makes processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.cohort.small_cohort"])
    return context


def make_case(folder: Path, seed: int, depth: int = 3) -> Path:
    """An MR and a PET on one grid of 16 x 12 x `depth`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for name in ("MR", "PET"):
        voxels = rng.uniform(10.0, 900.0, (16, 12, depth)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([2.0, 2.0, 3.0, 1.0])), folder / f"{name}.nii.gz")
    return folder


def make_cases(folder: Path, count: int) -> Path:
    """Cases ``case_0`` ...; later ones are larger."""
    for number in range(count):
        make_case(folder / f"case_{number}", number, depth=2 + number)
    return folder


def small_workflow(dataset_dir: Path, output_dir: Path, overlays: tuple[str, ...] = (), **overrides: Any) -> Any:
    """The bundle's inference workflow for tiny cases, initialised."""
    overlay_files = [str(BUNDLE_ROOT / "configs" / name) for name in overlays]
    workflow = ConfigWorkflow(
        config_file=[*config_files(), *overlay_files],
        workflow_type="inference",
        logging_file=False,
        dataset_dir=str(dataset_dir),
        output_dir=str(output_dir),
        **{**SETTINGS, **NO_PRIOR, **overrides},
    )
    workflow.initialize()
    return workflow


def run_small(dataset_dir: Path, output_dir: Path, overlays: tuple[str, ...] = (), **overrides: Any) -> None:
    """Fuse the cases of a folder; an error is the reason itself, as users see it last."""
    threads = torch.get_num_threads()
    try:
        small_workflow(dataset_dir, output_dir, overlays, **overrides).run()
    except Exception as error:
        raise reason_of(error) from None
    finally:
        torch.set_num_threads(threads)


def run_announced(dataset_dir: Path, output_dir: Path, begun: Any) -> None:
    """Fuse the cases of a folder, and set an event when the work begins."""
    workflow = small_workflow(dataset_dir, output_dir)
    begun.set()
    workflow.run()


def run_until_the_first_result(dataset_dir: Path, output_dir: Path) -> None:
    """Fuse the cases of a folder in a process that is killed before it writes anything of the first."""
    workflow = small_workflow(dataset_dir, output_dir)
    workflow.parser.get_parsed_content("cohort").postprocessing.transform = KillThisProcess()
    workflow.run()


class KillThisProcess:
    """A transform that nothing comes after."""

    def __call__(self, data: Any) -> None:
        """End without a word."""
        os.kill(os.getpid(), signal.SIGKILL)


def fused_voxels(output_dir: Path) -> dict[str, bytes]:
    """The voxels of every fused volume, by file name."""
    finished = output_dir.glob("[!.]*_fused.nii.gz")  # not what a killed run left half-written
    return {path.name: np.asarray(nibabel.load(path).dataobj).tobytes() for path in finished}
