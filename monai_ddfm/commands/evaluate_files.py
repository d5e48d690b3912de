# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What ``monai-ddfm evaluate`` does: its arguments become fusions, and these are measured."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_ddfm.cohort.evaluation import EVALUATION, Fusion, evaluate, recorded_fusions
from monai_ddfm.commands.fuse_files import case_of
from monai_ddfm.io.endings import image_stem
from monai_ddfm.io.existing import require_existing

__all__ = ["evaluate_files"]

_SETTINGS = ("preset", "modalities", "register", "transform", "select", "set")


def evaluate_files(options: Namespace) -> dict[str, Any]:
    """Measure what the command line names, and print it; returns the files that were written and all values.

    Raises:
        FileNotFoundError, FileExistsError, ValueError: files that cannot be, named in one line.
    """
    fusions = _of_run(options) if options.fused is None else [_of_images(options)]
    run_folder = Path() if options.fused else Path(options.images[0])
    measured, written = evaluate(fusions, options.output or run_folder / EVALUATION, options.overwrite)
    if not options.json:
        for case, values in measured.items():
            print(case, *(f"{name} {value:.4g}" for name, value in values.items()), sep="  ")
        print(written[-1])
    return {"files": list(map(str, written)), "metrics": {case: _known(values) for case, values in measured.items()}}


def _of_images(options: Namespace) -> Fusion:
    fused = Path(options.fused)
    require_existing(fused)
    config, case = case_of(options, [Path(image) for image in options.images], image_stem(fused))
    return Fusion(case["case"], config, {key: case[key] for key in config.inputs.keys}, fused)


def _of_run(options: Namespace) -> list[Fusion]:
    """Raise `ValueError` for anything but the folder of a run."""
    if len(options.images) != 1:
        raise ValueError("give the images and their fusion, --fused FILE, or the output folder of a run alone")
    if given := [f"--{name}" for name in _SETTINGS if getattr(options, name)]:
        raise ValueError(f"{options.images[0]}: a run's records say how its cases were fused; leave out {given[0]}")
    return recorded_fusions(options.images[0])


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    """Values for JSON, which has no NaN."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}
