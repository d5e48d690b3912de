# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How good are the fusions? The usual measures over a folder of slice pairs, for every preset and what to compare with.

    python benchmarks/quality.py --pairs DIR [--preset P] [--half choose|report] [--save DIR] [--json FILE]

DIR holds ``<OTHER>-MRI/{MRI,<OTHER>}/*.png`` or ``MRI_<OTHER>/{MRI,<OTHER>}/*.png``; colour pictures are fused on their
luminance. Every fusion is rounded to 8 bit and measured as it is, without stretching. For each set and for all pairs
together a markdown table is printed: the mean of each measure, the mean rank over the eight of the published tables
(EN SD SF MI SCD VIF Qabf SSIM, 1 is best), and what the *weaker* source keeps (the lower of the two values of VIF,
Qabf and correlation), because copying the MRI wins most columns while the other source is lost.

Parameters were chosen on the cases of ``--half choose``; ``--half report`` is the other half.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from classical import average, copy_anchor, guided_filter_fusion, laplacian_pyramid, maximum
from pairs import Pair, find_pairs, half_of, read_sources, write_grey
from presets import all_presets, load_presets
from torch import Tensor

from monai_ddfm import metrics
from monai_ddfm.rectifiers import EMRectifier

RANKED = ("EN", "SD", "SF", "MI", "SCD", "VIF", "Qabf", "SSIM")
COLUMNS = (*RANKED, "EN of tissue", "AG", "weaker VIF", "weaker Qabf", "weaker CC")
Fusion = Callable[[Tensor], Tensor]  # sources [1, K, H, W] in grey levels -> fused [1, 1, H, W]


def paper_without_prior(sources: Tensor) -> Tensor:
    """The paper's rectifier alone: one EM iteration from the average, where a prior that knows nothing would start.

    Iterated it stays there for about ten iterations, then falls onto one of the sources: between them its likelihood
    is flat.
    """
    rectifier, sources = EMRectifier(), sources / 127.5 - 1
    return (rectifier.solve(sources, rectifier.start(sources)) + 1) * 127.5


BASELINES: dict[str, Fusion] = {
    "copy of the MRI": copy_anchor,
    "average": average,
    "maximum": maximum,
    "Laplacian pyramid": laplacian_pyramid,
    "guided filter": guided_filter_fusion,
    "paper's rectifier, no prior": paper_without_prior,
}


def measure(fused: Tensor, sources: Tensor) -> dict[str, float]:
    """Every column for one fused image."""
    vif = metrics.visual_information_fidelity(fused, sources, per_source=True)
    values = {
        "EN": metrics.entropy(fused),
        "SD": metrics.standard_deviation(fused),
        "SF": metrics.spatial_frequency(fused),
        "MI": metrics.mutual_information(fused, sources),
        "SCD": metrics.sum_of_correlations_of_differences(fused, sources),
        "VIF": vif.sum(dim=1),
        "Qabf": metrics.edge_transfer(fused, sources),
        "SSIM": metrics.structural_similarity(fused, sources, data_range=2.0),
        "EN of tissue": metrics.tissue_entropy(fused, sources),
        "AG": metrics.average_gradient(fused),
        "weaker VIF": vif.amin(dim=1),
        "weaker Qabf": metrics.edge_transfer(fused, sources, per_source=True).amin(dim=1),
        "weaker CC": metrics.correlation(fused, sources, per_source=True).amin(dim=1),
    }
    return {name: value.item() for name, value in values.items()}


def fuse_and_measure(
    pairs: list[Pair], fusions: dict[str, Fusion], device: torch.device, folders: dict[str, Path]
) -> list[dict]:
    """One row per pair and method; fused pictures of the methods in `folders` are written there."""
    rows = []
    for method, fusion in fusions.items():
        print(f"{method}: {len(pairs)} pairs", file=sys.stderr)
        for pair in pairs:
            sources = read_sources(pair).to(device)
            start = time.perf_counter()
            fused = metrics.to_grey_levels(fusion(sources), (0.0, 255.0))
            seconds = time.perf_counter() - start
            if method in folders:
                write_grey(fused, folders[method] / pair.set / pair.name)
            row = {"method": method, "set": pair.set, "name": pair.name, "half": half_of(pair), "seconds": seconds}
            rows.append({**row, **measure(fused, sources)})
    return rows


def summarise(rows: list[dict]) -> dict[str, dict[str, float]]:
    """Mean of each column per method, and the mean rank over `RANKED`; methods of equal value share a rank."""
    by_method: dict[str, list[dict]] = {}
    for row in rows:
        by_method.setdefault(row["method"], []).append(row)
    table = {
        method: {column: sum(row[column] for row in own) / len(own) for column in COLUMNS}
        for method, own in by_method.items()
    }
    for method, values in table.items():
        others = [other for name, other in table.items() if name != method]
        ranks = [1 + sum((other[c] > values[c]) + 0.5 * (other[c] == values[c]) for other in others) for c in RANKED]
        values["mean rank"] = sum(ranks) / len(ranks)
    return table


def markdown(title: str, table: dict[str, dict[str, float]]) -> str:
    """A table with the best value of each column in bold."""
    columns = (*RANKED, "mean rank", *COLUMNS[len(RANKED) :])
    lines = [f"### {title}", "", f"| method | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    best = {c: (min if c == "mean rank" else max)(values[c] for values in table.values()) for c in columns}
    for method, values in table.items():
        digits = {
            c: f"{values[c]:.{2 if c in ('EN', 'SD', 'SF', 'EN of tissue', 'AG', 'mean rank') else 3}f}"
            for c in columns
        }
        cells = [f"**{digits[c]}**" if values[c] == best[c] else digits[c] for c in columns]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="folder of the sets")
    parser.add_argument(
        "--preset", choices=(*all_presets(), "none"), action="append", help="only this preset (repeatable), or none"
    )
    parser.add_argument("--half", choices=("choose", "report", "all"), default="all", help="which half of the cases")
    parser.add_argument(
        "--save", type=Path, help="write DIR/SET/NAME.png; with several presets DIR/PRESET/SET/NAME.png"
    )
    parser.add_argument("--json", type=Path, help="write the tables and every pair's values to this file")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()

    pairs = [pair for pair in find_pairs(args.pairs) if args.half in ("all", half_of(pair))]
    device = torch.device(args.device)
    chosen = [name for name in args.preset or all_presets() if name != "none"]
    presets = load_presets(chosen, device)
    folders = {}
    if args.save:
        folders = {name: args.save / name.split(", ")[0] if len(presets) > 1 else args.save for name in presets}
    with torch.no_grad():
        rows = fuse_and_measure(pairs, BASELINES | presets, device, folders)

    tables = {name: summarise([r for r in rows if r["set"] == name]) for name in sorted({p.set for p in pairs})}
    tables[f"all {len(pairs)} pairs"] = summarise(rows)
    print("\n\n".join(markdown(title, table) for title, table in tables.items()))
    if args.json:
        args.json.write_text(json.dumps({"half": args.half, "tables": tables, "pairs": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
