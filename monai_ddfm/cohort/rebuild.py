# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The pages of a folder of results, made again from records and files, without fusing again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from monai_ddfm.cohort.case_report import identity_of, records_in, report_path, write_failures, write_index
from monai_ddfm.cohort.layers import layers_of, projections_of
from monai_ddfm.cohort.summary import SUMMARY
from monai_ddfm.errors import reason_of
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline import FusionConfig
from monai_ddfm.pipeline.names import fused_path
from monai_ddfm.pipeline.steps import make_placing
from monai_ddfm.report.case_page import CaseReport, case_page
from monai_ddfm.report.distribution import Distribution, distributions
from monai_ddfm.report.layer import Layer
from monai_ddfm.report.page import write_page
from monai_ddfm.transforms import ReadSource

__all__ = ["rebuild_pages"]

logger = logging.getLogger(__name__)


def rebuild_pages(output_dir: str | Path, identity: bool = False) -> list[Path]:
    """Write the report of every case that has a record, those of failed cases that the summary names, and the index.

    Sources that are no longer where they were are left out, and the page says so.

    Args:
        output_dir: folder of a run's results.
        identity: say who the patient is and where files lie.

    Returns:
        the pages, the index last.

    Raises:
        FileNotFoundError: no such folder, or nothing in it that a run has written.
    """
    output_dir = Path(output_dir)
    if not output_dir.is_dir():
        raise FileNotFoundError(f"{output_dir}: no such folder; give the output folder of a run")
    records, outcomes = dict(records_in(output_dir)), _outcomes(output_dir)
    if not records and not outcomes:
        raise FileNotFoundError(
            f"{output_dir}: no record (CASE.json) and no {SUMMARY}; give the output folder of a run"
        )
    metrics = {case: record.get("metrics", {}).get("values", {}) for case, record in records.items()}
    cohort = distributions(metrics)
    pages = []
    for case, record in records.items():
        if record.get("finished"):
            page = report_path(output_dir, case)
            write_page(page, case_page(_report(output_dir, record, cohort, identity)))
            logger.info("%s", page)
            pages.append(page)
    write_failures(output_dir, outcomes, {}, identity)
    return [*pages, write_index(output_dir, outcomes, identity)]


def _outcomes(output_dir: Path) -> list[dict[str, Any]]:
    """What the last run noted on its cases; of older runs only records are left."""
    try:
        noted: list[dict[str, Any]] = json.loads((output_dir / SUMMARY).read_text())["cases"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return noted


def _report(output_dir: Path, record: dict[str, Any], cohort: Mapping[str, Distribution], identity: bool) -> CaseReport:
    """The report of one case; what cannot be read any more is said in a note."""
    sources: dict[str, Any] = {}
    layers: list[Layer] = []
    functional: list[str] = []
    notes: list[str] = []
    try:
        config = FusionConfig.of(**record["settings"])
        sources = _sources(config, record, notes)
        fused, maps = _results(config, output_dir, record["case"])
        sources = {key: image for key, image in sources.items() if image.shape[1:] == fused.shape[1:]}
        layers = layers_of(sources, fused, maps, config, record)
        functional = [key for key in config.functional_keys if key in sources]
    except Exception as error:  # the other cases, and what the record says of this one, do not suffer
        logger.warning("%s: no views: %s", record["case"], reason_of(error))
        notes.append("The views cannot be made again: a file of this case cannot be read any more.")
    return CaseReport(
        record,
        FusionConfig.of().settings(),
        layers,
        projections_of(layers),
        functional,
        notes=notes,
        identity=identity_of(sources) if identity else None,
        distribution=cohort,
    )


def _sources(config: FusionConfig, record: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """The sources on the fusion's grid; none, and a note, where one is not where it was."""
    paths = {key: one["path"] for key, one in record["inputs"].items()}
    missing = [key for key, path in paths.items() if not Path(path).exists()]
    if missing:
        notes.append(f"Sources are no longer where they were ({', '.join(missing)}): only results are shown.")
        return {}
    placed = make_placing(config)(paths)
    return {key: placed[key] for key in config.inputs.keys}


def _results(config: FusionConfig, output_dir: Path, case: str) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The fused image and the maps that were written beside it."""
    read = ReadSource()
    fused: torch.Tensor = read(fused_path(config, output_dir, case))
    if fused.ndim == 3:
        fused = fused[..., None]
    files = {name: output_dir / f"{case}_{name}.nii.gz" for name in MAPS}
    maps = {name: read(path) for name, path in files.items() if path.exists()}
    return fused, {name: image if image.ndim == 4 else image[..., None] for name, image in maps.items()}
