# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What ``monai-ddfm fuse --record CASE.json`` does: the same sources, with the same settings, once more."""

from __future__ import annotations

import logging
from argparse import Namespace
from pathlib import Path
from typing import Any

from monai_ddfm.cohort import fuse_cases
from monai_ddfm.cohort.record import read_record, recorded_sources
from monai_ddfm.commands.fuse_files import result_files
from monai_ddfm.io.endings import image_ending
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.transforms.argument_repr import SECRETS

__all__ = ["repeat_record"]

logger = logging.getLogger(__name__)


def repeat_record(options: Namespace) -> dict[str, Any]:
    """Fuse the case of a record again, into another folder; returns what `fuse_files` does.

    Raises:
        ValueError: no record of a run, other arguments beside it, or an output that is no folder.
        FileNotFoundError: a source is no longer where it was.
    """
    path = Path(options.record)
    record = read_record(path)
    if "content_key" not in record:
        raise ValueError(f"{path}: is no record of a run; give the CASE.json beside its results")
    if options.images or options.preset or options.set or options.dicomweb:
        raise ValueError("--record says sources and settings itself: give only -o, --device and --overwrite beside it")
    if image_ending(Path(options.output)) is not None:
        raise ValueError(f"{options.output}: with --record give a folder, results get the names that they had")
    settings = {**record["settings"], "output_dir": options.output, "overwrite": options.overwrite}
    settings |= {"progress": not options.quiet, "trust_torchscript": options.trust_torchscript}
    settings |= {"device": options.device} if options.device else {}
    sources = recorded_sources(record)
    if settings.get("new_patient_id"):
        logger.warning("replaced UIDs will be others: %s is in no record", ", ".join(SECRETS))
    pipeline = FusionPipeline(FusionConfig.of(**settings))
    fuse_cases(pipeline, [{"case": record["case"], **sources}])
    return result_files(pipeline, record["case"])
