# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The report of a case: views to look at, and below them what its record says, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monai_ddfm.report.distribution import Distribution, number
from monai_ddfm.report.layer import Layer, encode_layers
from monai_ddfm.report.page import json_text, render
from monai_ddfm.report.plain_text import without_folders

__all__ = ["CaseReport", "case_page"]

Rows = list[tuple[str, ...]]
_PALETTE_NODES = 32


@dataclass(frozen=True)
class CaseReport:
    """What a report tells of.

    Attributes:
        record: the case's record, as ``CASE.json`` has it; of a case that failed, what is known.
        defaults: every setting as it is when nobody says otherwise.
        layers: the volumes, on one grid.
        projections: turning projections, each a volume whose last axis is the angle.
        functional: names of the layers that are shown in colour over the fusion.
        failure: why there is no result.
        notes: further sentences.
        identity: what names the patient, where that was asked for.
        distribution: of the cohort's metrics, by name.
    """

    record: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    layers: Sequence[Layer] = ()
    projections: Sequence[Layer] = ()
    functional: Sequence[str] = ()
    failure: str | None = None
    notes: Sequence[str] = ()
    identity: Mapping[str, str] | None = None
    distribution: Mapping[str, Distribution] = field(default_factory=dict)


def case_page(report: CaseReport) -> str:
    """Return the report as HTML; folders are left out of it unless it has an identity."""
    record: Mapping[str, Any] = report.record
    failure = report.failure
    if report.identity is None:
        paths = [one["path"] for one in record.get("inputs", {}).values()]
        record, failure = without_folders(dict(record), paths), without_folders(failure, paths)
    encoded = encode_layers(report.layers)
    views = [
        _for_viewer(layer, text, layer.decimals(encoded.bits), report.functional)
        for layer, text in zip(encoded.layers, encoded.texts, strict=True)
    ]
    views += [_for_viewer(layer, layer.encoded(8), 0, ()) for layer in report.projections]
    settings = record.get("settings", {})
    measured = record.get("metrics") or {}
    return render(
        "case.html",
        title=f"Fusion of {record['case']}",
        scripted=bool(views),
        case=record["case"],
        failure=failure,
        layers=json_text(views) if views else "",
        opacity=0.5 if report.functional else 0,
        given_up=encoded.given_up,
        notes=report.notes,
        warnings=record.get("warnings", []),
        identity=_rows(report.identity or {}),
        metrics={name: number(value) for name, value in measured.get("values", {}).items()},
        metrics_note=measured.get("note", ""),
        distribution=report.distribution,
        geometry=_geometry(record.get("geometry", {})),
        registration=_rows(record.get("registration", {})),
        noise=_rows(record.get("denoising", {})),
        effort=_effort(record),
        repeat=_repeat(record) if "inputs" in record and failure is None else "",
        changed=_rows({name: value for name, value in settings.items() if _differs(name, value, report.defaults)}),
        settings=_rows(settings),
    )


def _for_viewer(layer: Layer, data: str, decimals: int, functional: Sequence[str]) -> dict[str, Any]:
    """What the script of the page needs to know of a layer."""
    shares = layer.name.startswith("provenance:")
    return {
        "name": layer.name,
        "title": layer.title,
        "kind": layer.kind,
        "unit": layer.unit,
        "decimals": decimals,
        "window": list(layer.window),
        "size": list(layer.voxels.shape),
        "colormap": "gray" if layer.colours is None else f"own-{layer.name}",
        "table": None if layer.colours is None else _palette(layer.colours),
        "functional": layer.name in functional,
        "group": "provenance" if shares else None,
        "group_title": "Provenance" if shares else None,
        "data": data,
    }


def _palette(colours: np.ndarray) -> dict[str, list[int]]:
    """Nodes of a colour map as the viewer takes them; it fades in over the lowest eighth: no uptake covers nothing."""
    places = np.linspace(0, len(colours) - 1, _PALETTE_NODES).round().astype(int)
    red, green, blue = (channel.tolist() for channel in colours[places].T)
    alpha = np.clip(places / len(colours) * 8 * 255, 0, 255).astype(int).tolist()
    return {"R": red, "G": green, "B": blue, "A": alpha, "I": (places * 255 // (len(colours) - 1)).tolist()}


def _rows(said: Mapping[str, Any]) -> Rows:
    return [(str(name), _said(value)) for name, value in said.items()]


def _said(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_said(one)}" for name, one in value.items())
    return ", ".join(map(_said, value)) if isinstance(value, (list, tuple)) else str(value)


def _differs(name: str, value: Any, defaults: Mapping[str, Any]) -> bool:
    return name in defaults and value != defaults[name]


def _geometry(known: Mapping[str, Mapping[str, Any]]) -> Rows:
    return [
        (
            name,
            " x ".join(map(str, grid["shape"])),
            " x ".join(f"{side:.3g}" for side in grid["spacing"]),
            grid["axes"],
            f"{grid['overlap']:.0%}" if "overlap" in grid else "",
        )
        for name, grid in known.items()
    ]


def _effort(record: Mapping[str, Any]) -> Rows:
    """Inputs, seed, versions, time and memory."""
    rows = [(name, one["path"], f"SHA-256 {one['sha256'][:12]}…") for name, one in record.get("inputs", {}).items()]
    files = [(f"input {name}", f"{path} ({digest})") for name, path, digest in rows]
    said: dict[str, Any] = {}
    if "seed" in record.get("settings", {}):
        said["seed"] = record["settings"]["seed"]
    if "seconds" in record:
        said["time"] = ", ".join(f"{stage} {spent:.1f} s" for stage, spent in record["seconds"].items())
    if "memory" in record:
        said["largest memory"] = ", ".join(
            f"{place} {size / 2**20:.0f} MiB" for place, size in record["memory"].items()
        )
    if "version" in record:
        said["version"] = f"monai_ddfm {record['version']}"
    said |= {"with": record["versions"]} if "versions" in record else {}
    return [*files, *_rows(said)]


def _repeat(record: Mapping[str, Any]) -> str:
    return f"monai-ddfm fuse --record '{record['case']}.json' -o repeated"
