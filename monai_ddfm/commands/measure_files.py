# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What ``monai-ddfm measure`` does: its arguments become images and regions, and these are measured."""

from __future__ import annotations

import json
import logging
from argparse import Namespace
from pathlib import Path
from typing import Any

from monai_ddfm.io.endings import image_stem
from monai_ddfm.pipeline.names import source_keys
from monai_ddfm.transforms import CheckVolume, MeasureRegions, ReadSource
from monai_ddfm.transforms.modality import Modality, modality_of
from monai_ddfm.transforms.write_regions import WriteRegions

__all__ = ["measure_files"]

logger = logging.getLogger(__name__)
_ENDINGS = (".csv", ".json")


def measure_files(options: Namespace) -> dict[str, Any]:
    """Measure the regions of the command line; returns the files that were written and what the JSON holds.

    Raises:
        FileNotFoundError, FileExistsError, ValueError: files that cannot be, named in one line.
    """
    names = source_keys([image_stem(Path(image)) for image in options.images])
    files = dict(zip(names, options.images, strict=True)) | ({"fused": options.fused} if options.fused else {})
    read, check = ReadSource(), CheckVolume()
    images = {name: check(read(file)) for name, file in files.items()}
    shares = None if options.provenance is None else read(options.provenance)
    units = {name: "HU" for name in names if _is_ct(files[name])} | _units(options.units, names)
    units["fused"] = images[names[0]].meta.get("units") or units.get(names[0], "")  # the anchor is named first
    regions = read(options.regions)
    measure = MeasureRegions(options.percentiles, _labels(options.labels), units)
    output = Path(options.output)
    stem = output.with_suffix("") if output.suffix in _ENDINGS else output
    written = list(WriteRegions(options.overwrite)(measure(regions, images, shares, names), stem))
    for path in written:
        logger.info("%s", path)
    measured = next(path for path in written if path.suffix == ".json")
    return {"files": list(map(str, written)), "regions": json.loads(measured.read_text())}


def _is_ct(path: str) -> bool:
    """Whether the file's name says so; a name that says nothing leaves the unit out, the numbers are the same."""
    try:
        return modality_of(Path(path).name) is Modality.CT
    except ValueError:
        return False


def _units(given: list[str] | None, names: list[str]) -> dict[str, str]:
    """``PET=SUV`` as a name and its unit.

    Raises:
        ValueError: another form, or an image of another name.
    """
    pairs = [text.partition("=") for text in given or ()]
    if wrong := ["".join(pair) for pair in pairs if pair[0] not in names or not pair[2]]:
        raise ValueError(f"--units: found {', '.join(wrong)}, expected NAME=UNIT with a name of {', '.join(names)}")
    return {name: unit for name, _, unit in pairs}


def _labels(given: list[str] | None) -> dict[str, int] | None:
    """``tumour=1`` as a name and its number.

    Raises:
        ValueError: another form.
    """
    if given is None:
        return None
    pairs = [text.rpartition("=") for text in given]
    if wrong := [text for text, (name, _, number) in zip(given, pairs, strict=True) if not (name and number.isdigit())]:
        raise ValueError(f"--labels: found {', '.join(wrong)}, expected NAME=NUMBER, e.g. tumour=1")
    return {name: int(number) for name, _, number in pairs}
