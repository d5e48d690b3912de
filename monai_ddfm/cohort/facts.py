# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a record says beside what a result was made from: geometry, units, registration, metrics, versions, memory."""

from __future__ import annotations

import platform
from collections.abc import Hashable, Mapping
from typing import Any

import monai
import numpy as np
import torch
from monai.transforms import Transform

from monai_ddfm.cohort.record import add_to_record
from monai_ddfm.cohort.run_log import RunLog
from monai_ddfm.io.memory import peak_resident
from monai_ddfm.pipeline import FusionConfig
from monai_ddfm.pipeline.names import FUSED, IMAGE
from monai_ddfm.report.sampled_metrics import sampled_metrics
from monai_ddfm.transforms.check_registration import FOUND_KEY
from monai_ddfm.transforms.check_volume import is_picture
from monai_ddfm.transforms.modality import Modality, modality_of
from monai_ddfm.transforms.motion import REGISTRATION_KEY
from monai_ddfm.transforms.normalize_modality import INTENSITY_RANGE
from monai_ddfm.transforms.note_grid import grid_of

__all__ = ["NoteEffort", "NoteFacts", "case_facts", "largest_memory", "registration_in_words"]


def case_facts(data: Mapping[Any, Any], config: FusionConfig) -> dict[str, Any]:
    """Return what is known of a case before its results are written.

    Args:
        data: of the case, with the inferer's answer; sources on the anchor's grid.
        config: the description that it was fused by.
    """
    keys = config.inputs.keys
    grids = {key: grid for key in keys if (grid := grid_of(data[key]))}
    if grids:
        fused = {"shape": list(map(int, data[FUSED].shape[1:])), **{k: grids[keys[0]][k] for k in ("spacing", "axes")}}
        grids["fused"] = fused
    facts: dict[str, Any] = {
        "geometry": grids,
        "registration": {key: registration_in_words(data[key], config) for key in keys[1:]},
        "units": {key: _unit(data[key], config.inputs.modality_name(key)) for key in keys},
        "windows": {key: [float(v) for v in data[key].meta[INTENSITY_RANGE]] for key in keys},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "monai": monai.__version__},
    }
    facts["versions"]["numpy"] = np.__version__
    if config.results.report:
        facts["metrics"] = sampled_metrics(data[FUSED][:1], data[IMAGE])
    return facts


def registration_in_words(image: Any, config: FusionConfig) -> str:
    """Return what was done to lay a source onto the anchor, and what the check found."""
    said = [str(image.meta[key]) for key in (REGISTRATION_KEY, FOUND_KEY) if image.meta.get(key)]
    if is_picture(image):
        return "a picture, which does not say where it lies: taken pixel by pixel"
    if not config.inputs.check_registration:
        said.append("not checked, as was asked")
    elif not image.meta.get(FOUND_KEY):
        said.append("not checked: too little of the volumes overlaps to tell")
    return "; ".join(said)


def _unit(image: Any, modality: str) -> str:
    if is_picture(image):
        return "grey level"
    stated = image.meta.get("units")
    if isinstance(stated, str) and stated:
        return stated
    return "HU" if modality_of(modality) is Modality.CT else ""


def largest_memory(device: torch.device) -> dict[str, int]:
    """Return how many bytes this process held at most since it began, by place."""
    held = {"process": peak} if (peak := peak_resident()) else {}
    if device.type == "cuda":
        held[str(device)] = torch.cuda.max_memory_allocated(device)
    return held


class NoteFacts(Transform):
    """Note in a case's record what is known of it before its results are written.

    Args:
        config: the description that it is fused by.
    """

    def __init__(self, config: FusionConfig) -> None:
        self.config = config

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add to the record that was begun; the data is returned unchanged."""
        add_to_record(self.config.results.output_dir, data["case"], **case_facts(data, self.config))
        return dict(data)


class NoteEffort(Transform):
    """Note in a case's record what it took until now, and what was warned of.

    Args:
        output_dir: folder of the results.
        run_log: of this process.
        device: that is computed on.
    """

    def __init__(self, output_dir: str, run_log: RunLog, device: torch.device) -> None:
        self.output_dir = output_dir
        self.run_log = run_log
        self.device = device

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add to the record that was begun; the data is returned unchanged."""
        case = data["case"]
        add_to_record(self.output_dir, case, **self.run_log.effort(case), memory=largest_memory(self.device))
        return dict(data)
