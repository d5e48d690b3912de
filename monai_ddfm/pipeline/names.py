# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Names: of what stands in the data of a case, and of the files that its results are written to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from monai_ddfm.io.endings import VOLUME_ENDINGS
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline.config import FusionConfig
from monai_ddfm.stages import STAGES
from monai_ddfm.transforms.write_motions import motion_suffix

__all__ = [
    "BLENDING",
    "COLOUR",
    "FUSED",
    "GREY",
    "IMAGE",
    "MAP",
    "MOTIONS",
    "OVERLAY",
    "PAINTED",
    "PREVIEW",
    "REPORT",
    "dicom_endings",
    "fused_path",
    "result_endings",
    "series_suffix",
    "source_keys",
]

IMAGE = "image"  # the sources, concatenated: what MONAI's evaluator hands to the inferer
FUSED = "pred"  # what it gets back
COLOUR = "colour"
GREY = "grey"  # beside a colour picture that takes the result's own name
PAINTED = "painted"
PREVIEW = "preview"
REPORT = "report"  # no result: a case that failed has one, too
OVERLAY = "overlay"
BLENDING = "blending"
MAP = "map"  # the Parametric Map
MOTIONS = "registration"  # a Spatial Registration: where sources were moved to
_TAKEN = {"case", "fault", STAGES, IMAGE, FUSED, COLOUR, PAINTED, *MAPS}


def source_keys(names: Sequence[str]) -> list[str]:
    """Return a key for each source: its name, or where names are alike, empty or taken its number."""
    keys = [re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") for name in names]
    if all(keys) and len(set(keys)) == len(keys) and not _TAKEN & set(keys):
        return keys
    return [f"source_{number}" for number in range(1, len(names) + 1)]


def series_suffix(config: FusionConfig) -> str:
    """Return what follows the case's name in that of the folder of its DICOM series, which cannot be nothing."""
    return config.results.fused_suffix or "fused"


def dicom_endings(config: FusionConfig) -> list[str]:
    """Return what follows a case's name in those of its DICOM results: the series' folder, then single files."""
    single = (COLOUR, OVERLAY, BLENDING, MAP, MOTIONS)
    return [f"_{series_suffix(config)}", *(f"_{name}.dcm" for name in single)]


def fused_path(config: FusionConfig, output_dir: str | Path, case: str) -> Path:
    """Return where the fused image of a case is, in grey: a file, or the folder of a DICOM series.

    Args:
        config: the description that the case was fused by.
        output_dir: folder of the results, wherever it stands now.
        case: its name.
    """
    output_dir, results = Path(output_dir), config.results
    grey = output_dir / f"{case}_{GREY}{results.output_extension}"
    if grey.exists():
        return grey
    ending = f"_{series_suffix(config)}" if results.output_format == "dicom" else result_endings(config)[0]
    return output_dir / f"{case}{ending}"


def result_endings(config: FusionConfig) -> list[str]:
    """Return what follows a case's name in those of all its results that any settings write, the fused image first.

    All, and not those of these settings alone: what another run wrote under the case's name is never mixed with.
    """
    results = config.results
    fused = (f"_{results.fused_suffix}" if results.fused_suffix else "") + results.output_extension
    maps = [f"_{name}{VOLUME_ENDINGS[0]}" for name in MAPS]
    shown = [f"_{name}{results.output_extension}" for name in (COLOUR, GREY)]
    moved = [f"_{motion_suffix(key, config.inputs.anchor)}.tfm" for key in config.inputs.sources]
    return [fused, *shown, *dicom_endings(config), f"_{PREVIEW}.png", *maps, *moved]
