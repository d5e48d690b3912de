# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Where the metrics of each case lie among those of the cohort."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

__all__ = ["Distribution", "distributions", "number"]


def number(value: float) -> str:
    """Return four digits of a number; a dash for one that does not exist."""
    return f"{value:.4g}" if math.isfinite(value) else "–"


@dataclass(frozen=True)
class Distribution:
    """One metric over the cases that have it.

    Attributes:
        name: of the metric.
        low, median, high: as they are shown.
        places: of each case between the lowest (0) and the highest (1); 0.5 where all are alike.
    """

    name: str
    low: str
    median: str
    high: str
    places: Mapping[str, float]


def distributions(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, Distribution]:
    """Return the distribution of each metric that two cases or more have.

    Args:
        metrics: ``{case: {metric: value}}``.
    """
    names = dict.fromkeys(name for values in metrics.values() for name in values)
    found = {}
    for name in names:
        known = {case: v[name] for case, v in metrics.items() if name in v and math.isfinite(v[name])}
        if len(known) > 1:
            low, high = min(known.values()), max(known.values())
            places = {case: (value - low) / (high - low) if high > low else 0.5 for case, value in known.items()}
            found[name] = Distribution(name, number(low), number(median(known.values())), number(high), places)
    return found
