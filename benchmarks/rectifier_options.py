# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What each option of the structure rectifier does to the usual measures, on its own, without the prior.

    python benchmarks/rectifier_options.py --pairs DIR [--half choose|report] [--set NAME VALUE ...]

The pairs are those of `quality.py`. Prints one markdown row for the defaults and one for each option changed: means
over the sets, weighted 21 : 42 : 73 (CT, PET, SPECT) as in the published tables. `--set`: only the defaults and these.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from markdown_table import table
from pairs import Pair, find_pairs, half_of, read_sources
from quality import RANKED, measure

from monai_ddfm.metrics import to_grey_levels
from monai_ddfm.rectifiers import StructureRectifier

WEIGHTS = {"CT": 21, "PET": 42, "SPECT": 73}
COLUMNS = (*RANKED, "weaker VIF", "weaker Qabf", "weaker CC")
CHANGES: tuple[Mapping[str, Any], ...] = (
    {"fairness": 0.0, "edge_fairness": 0.0},
    {"fairness": 0.4},
    {"fairness": 1.0},
    {"edge_fairness": 0.0},
    {"edge_fairness": 0.3},
    {"edge_fairness": 0.7},
    {"base_layer_gain": 0.0},
    {"base_layer_gain": 0.3},
    {"structure": 0.0},
    {"structure": 4.0},
    {"contrast": 0.0},
    {"contrast": 1.0},
    {"window": 11},
    {"window": 21},
    {"window": 41},
    {"mix": 0.0},
    {"mix": 0.7},
    {"sharpness": 4.0},
    {"sharpness": 12.0},
    {"envelope": False},
    {"iterations": 2},
    {"iterations": 3},
    {"iterations": 15},
    {"iterations": 40},
)


def means(pairs: list[Pair], options: Mapping[str, Any]) -> dict[str, float]:
    """The measures of the rectifier with these options, averaged over each set and then over the sets by `WEIGHTS`."""
    rectifier, by_set = StructureRectifier(**options), {}
    for pair in pairs:
        sources = read_sources(pair)
        scaled = sources / 127.5 - 1
        with torch.inference_mode():
            fused = rectifier.solve(scaled, rectifier.start(scaled))
        other = pair.other.parent.name
        by_set.setdefault(other, []).append(measure(to_grey_levels((fused + 1) * 127.5, (0.0, 255.0)), sources))
    of_sets = {other: {c: fmean(row[c] for row in rows) for c in COLUMNS} for other, rows in by_set.items()}
    weights = sum(WEIGHTS[other] for other in of_sets)
    return {c: sum(WEIGHTS[other] * found[c] for other, found in of_sets.items()) / weights for c in COLUMNS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--half", choices=["choose", "report"], default="choose", help="which half of the cases")
    parser.add_argument("--set", nargs=2, action="append", metavar=("NAME", "VALUE"), help="an option, as JSON")
    options = parser.parse_args()
    pairs = [pair for pair in find_pairs(options.pairs) if half_of(pair) == options.half]
    changes = CHANGES if options.set is None else [{name: json.loads(value)} for name, value in options.set]
    rows = []
    for changed in ({}, *changes):
        found = means(pairs, changed)
        name = ", ".join(f"`{key}` {json.dumps(value)}" for key, value in changed.items()) or "default"
        rows.append([name, *(f"{found[c]:.{2 if c in ('SD', 'SF') else 3}f}" for c in COLUMNS)])
    print(table(["", *COLUMNS], rows))


if __name__ == "__main__":
    main()
