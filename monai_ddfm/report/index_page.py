# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The index of a cohort: every case with its picture, what became of it, and where its metrics lie among others."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from monai_ddfm.report.distribution import distributions, number
from monai_ddfm.report.page import render

__all__ = ["IndexedCase", "index_page"]

_PICTURE = (160, 120)


@dataclass(frozen=True)
class IndexedCase:
    """A line of the index.

    Attributes:
        name: of the case.
        status: what became of it.
        reason: why it failed.
        report: the page, None where there is none; in the index's folder.
        preview: its picture.
        warnings: how many.
        metrics: by name.
    """

    name: str
    status: str
    reason: str | None = None
    report: Path | None = None
    preview: Path | None = None
    warnings: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)


def _small_picture(path: Path | None) -> str:
    """A picture small enough for an index of many, as a data URL; nothing where it cannot be read."""
    if path is None or not path.is_file():
        return ""
    kept = io.BytesIO()
    with Image.open(path) as picture:
        picture.thumbnail(_PICTURE)
        picture.convert("RGB").save(kept, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(kept.getvalue()).decode()}"


def index_page(cases: Sequence[IndexedCase]) -> str:
    """Return the index as HTML."""
    counted = Counter(case.status for case in cases)
    known = {case.name: case.metrics for case in cases if case.metrics}
    return render(
        "index.html",
        title="Fusions",
        counts=", ".join(f"{count} {status}" for status, count in counted.items()) or "no cases",
        distribution=distributions(known),
        cases=[
            {
                "name": case.name,
                "link": quote(case.report.name) if case.report is not None else "",
                "status": case.status,
                "reason": case.reason,
                "picture": _small_picture(case.preview),
                "warnings": case.warnings or "",
                "metrics": {name: number(value) for name, value in case.metrics.items()},
            }
            for case in cases
        ],
    )
