# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fused images, of this package or of any other method, measured against their sources."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from monai.bundle import ConfigParser

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.cohort.case_report import records_in
from monai_ddfm.cohort.cases import CaseDataset
from monai_ddfm.cohort.record import recorded_sources
from monai_ddfm.metrics import FusionMetric
from monai_ddfm.pipeline import FusionConfig
from monai_ddfm.pipeline.names import FUSED, IMAGE, fused_path
from monai_ddfm.pipeline.steps import make_comparison
from monai_ddfm.report.metric_tables import metric_columns, require_no_tables, write_metric_tables

__all__ = ["EVALUATION", "Fusion", "evaluate", "recorded_fusions"]

logger = logging.getLogger(__name__)
EVALUATION = "evaluation"
"""Folder of the tables, in that of a run's results."""


class Fusion(NamedTuple):
    """A fused image and what it is a fusion of.

    Attributes:
        case: its name.
        config: how its sources are read, matched and normalised.
        sources: their files by key.
        fused: its file, or the folder of its DICOM series; in the anchor's units and on its grid.
    """

    case: str
    config: FusionConfig
    sources: Mapping[str, str]
    fused: Path


def recorded_fusions(output_dir: str | Path) -> list[Fusion]:
    """Return the finished cases of a run by their records; one whose sources are gone is left out, with a warning.

    Args:
        output_dir: folder of its results.

    Raises:
        FileNotFoundError: no such folder, or no case in it that can be measured.
    """
    output_dir, fusions = Path(output_dir), []
    for case, record in records_in(output_dir):
        try:
            config = FusionConfig.of(**record.get("settings", {}))
            if not record.get("finished"):
                raise ValueError("was not finished")
            fusions.append(Fusion(case, config, recorded_sources(record), fused_path(config, output_dir, case)))
        except (OSError, ValueError) as error:
            logger.warning("%s is left out: %s", case, error)
    if not fusions:
        raise FileNotFoundError(
            f"{output_dir}: no finished case with its record (CASE.json) and its sources; give the output folder of a "
            "run, or images and --fused"
        )
    return fusions


def evaluate(
    fusions: Sequence[Fusion], output_dir: str | Path, overwrite: bool = False
) -> tuple[dict[str, dict[str, float]], list[Path]]:
    """Measure fusions by the metrics of ``evaluate.yaml``, on every slice, and write the tables.

    Args:
        fusions: one or more.
        output_dir: folder of the tables, made when missing; see `MetricTables`.
        overwrite: replace tables of an earlier evaluation.

    Returns:
        for each case its values by column, NaN for one that does not exist; and the files that were written.

    Raises:
        FileExistsError: there are tables already, and `overwrite` is off.
        FileNotFoundError, ValueError: images that cannot be compared, named in one line.
    """
    if not overwrite:
        require_no_tables(Path(output_dir))
    described = ConfigParser.load_config_file(str(BUNDLE_ROOT / "configs" / "evaluate.yaml"))
    measured = {}
    for fusion in fusions:
        measured[fusion.case] = _measured(fusion, described)
        logger.info("%s: measured", fusion.case)
    return measured, write_metric_tables(Path(output_dir), measured)


def _measured(fusion: Fusion, described: Mapping[str, Any]) -> dict[str, float]:
    files = {**fusion.sources, FUSED: str(fusion.fused)}
    compared = CaseDataset([files], make_comparison(fusion.config))[0]
    fused, sources = (compared[key].as_tensor()[None] for key in (FUSED, IMAGE))
    values: dict[str, float] = {}
    for name, metric in _metrics(described, fusion.config.sampling.slice_axis).items():
        of_case = torch.as_tensor(metric(fused, sources))[0].tolist()
        columns = metric_columns(name, len(of_case), fusion.config.inputs.keys)
        values.update(zip(columns, of_case, strict=True))
    return values


def _metrics(described: Mapping[str, Any], slice_axis: int) -> dict[str, FusionMetric]:
    """New metrics, as the bundle's evaluation describes them."""
    parts = {name: described[name] for name in ("metrics", "ssim_data_range")}
    metrics: dict[str, FusionMetric] = ConfigParser({**parts, "slice_axis": slice_axis}).get_parsed_content("metrics")
    return metrics
