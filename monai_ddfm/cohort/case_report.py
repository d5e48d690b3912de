# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The pages of a run: a report for each case, of one that failed too, and the index of all."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.transforms import Transform

from monai_ddfm.cohort.layers import layers_of, projections_of
from monai_ddfm.cohort.record import read_record, record_path
from monai_ddfm.cohort.run_log import FAILED
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline import FusionConfig
from monai_ddfm.pipeline.names import FUSED, PREVIEW, REPORT
from monai_ddfm.report.case_page import CaseReport, case_page
from monai_ddfm.report.index_page import IndexedCase, index_page
from monai_ddfm.report.page import write_page
from monai_ddfm.report.plain_text import without_folders
from monai_ddfm.transforms import RestoreIntensity
from monai_ddfm.transforms.argument_repr import SECRETS

__all__ = ["WriteReport", "identity_of", "records_in", "report_path", "write_failures", "write_index", "write_pages"]

logger = logging.getLogger(__name__)
INDEX = "index.html"


def report_path(output_dir: str | Path, case: str) -> Path:
    """Return where the report of a case stands: ``output_dir/<case>_report.html``."""
    return Path(output_dir) / f"{case}_{REPORT}.html"


def identity_of(sources: Mapping[str, Any]) -> dict[str, str]:
    """Return who the patient is by the DICOM headers, for pages that are asked to say so."""
    found: dict[str, str] = {}
    for key, image in sources.items():
        identity = SeriesIdentity.from_meta(image.meta)
        if identity is not None:
            found[f"patient of {key}"] = f"PatientID {identity.patient_id or '(none)'}"
            found[f"series of {key}"] = (
                f"{identity.series_description or '(no description)'}, {identity.series_instance_uid}"
            )
    return found or {"patient": "not said by the files"}


class WriteReport(Transform):
    """Write ``output_dir/<case>_report.html`` from a case's record and its volumes in memory.

    Args:
        config: the description that the case was fused by.
    """

    def __init__(self, config: FusionConfig) -> None:
        self.config = config
        self.restore = RestoreIntensity()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the page; the data is returned unchanged.

        Raises:
            FileExistsError: a file of that name that is no report.
        """
        config, case = self.config, data["case"]
        record = read_record(record_path(config.results.output_dir, case))
        sources = {key: self.restore(data[key]) for key in config.inputs.keys}
        maps = {name: data[name] for name in MAPS if name in data}
        layers = layers_of(sources, data[FUSED], maps, config, record)
        report = CaseReport(
            record,
            FusionConfig.of().settings(),
            layers,
            projections_of(layers),
            config.functional_keys,
            identity=identity_of(sources) if config.results.report_identity else None,
        )
        write_page(report_path(config.results.output_dir, case), case_page(report))
        return dict(data)


def write_failures(
    output_dir: str | Path, outcomes: Iterable[Mapping[str, Any]], settings: Mapping[str, Any], identity: bool = False
) -> None:
    """Write a report that says why, for each case that failed and has no finished result of an earlier run.

    Args:
        output_dir: folder of the results.
        outcomes: notes on the cases, as `RunLog` has them.
        settings: of the fusion.
        identity: whether folders may be named.
    """
    for outcome in outcomes:
        case = str(outcome["case"])
        known = read_record(record_path(output_dir, case))
        if outcome["status"] != FAILED or known.get("finished"):
            continue
        record = {"case": case, "settings": dict(settings), **known, "warnings": outcome.get("warnings", [])}
        report = CaseReport(
            record, FusionConfig.of().settings(), failure=str(outcome["reason"]), identity={} if identity else None
        )
        write_page(report_path(output_dir, case), case_page(report))


def write_index(output_dir: str | Path, outcomes: Sequence[Mapping[str, Any]] = (), identity: bool = False) -> Path:
    """Write ``output_dir/index.html``: every case that has a record there, and those that a run tells of.

    Args:
        output_dir: folder of the results.
        outcomes: notes of the last run; its failures are known from nowhere else.
        identity: whether folders may be named in reasons.

    Returns:
        the index.
    """
    output_dir = Path(output_dir)
    records = dict(records_in(output_dir))
    noted = {str(outcome["case"]): outcome for outcome in outcomes}
    cases = []
    for name in sorted({*records, *noted}):
        record, note = records.get(name, {}), noted.get(name, {})
        reason = note.get("reason") if identity else without_folders(note.get("reason"))
        page, preview = report_path(output_dir, name), output_dir / f"{name}_{PREVIEW}.png"
        status = note.get("status") or ("finished" if record.get("finished") else "unfinished")
        cases.append(
            IndexedCase(
                name,
                status,
                reason,
                page if page.exists() else None,
                preview if record.get("finished") else None,
                len(record.get("warnings", note.get("warnings", []))),
                record.get("metrics", {}).get("values", {}),
            )
        )
    write_page(output_dir / INDEX, index_page(cases))
    return output_dir / INDEX


def records_in(output_dir: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """Return the name and the record of every case in a folder, in the order of the names."""
    for path in sorted(output_dir.glob("*.json")):
        record = read_record(path)
        if "content_key" in record and record.get("case") == path.stem:
            yield path.stem, record


def write_pages(config: FusionConfig, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """Write what a run can only say at its end, where it writes a summary: reports of cases that failed, and the index.

    A page that cannot be written takes nothing from the results: it is said, and no more.

    Args:
        config: the description.
        outcomes: notes on all cases.
    """
    results = config.results
    if not results.report or results.summary is None or not Path(results.output_dir).is_dir():
        return
    settings = {name: value for name, value in config.settings().items() if name not in SECRETS}
    try:
        write_failures(results.output_dir, outcomes, settings, results.report_identity)
        write_index(results.output_dir, outcomes, results.report_identity)
    except OSError as error:
        logger.error("%s", error)
