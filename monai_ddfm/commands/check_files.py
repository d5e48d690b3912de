# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What ``monai-ddfm check`` does: the steps of a fusion up to the inferer, and what they found, in words."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monai_ddfm.cohort.facts import registration_in_words
from monai_ddfm.commands.dicomweb import archive_at
from monai_ddfm.commands.fuse_files import case_of, fetched_images
from monai_ddfm.pipeline import FusionPipeline
from monai_ddfm.pipeline.forecast import Forecast, forecast
from monai_ddfm.pipeline.names import IMAGE
from monai_ddfm.transforms.note_grid import grid_of

__all__ = ["check_archive", "check_files"]


def check_archive(options: Namespace) -> dict[str, Any]:
    """Print and return the series of a study in an archive; with anchor and sources named, what `check_files` does.

    They are fetched for it, and not kept.

    Raises:
        FileNotFoundError, ValueError, MemoryError: what would end the fusion, in one line.
        OSError: the archive cannot be reached, or refuses.
    """
    if options.study and not (options.anchor or options.source or options.images):
        series = archive_at(options.dicomweb).find_series(options.study)
        if not options.json:
            print(*series, sep="\n")
        return {"series": [asdict(one) for one in series]}
    with fetched_images(options) as (_, images):
        return _checked(options, images, options.study)


def check_files(options: Namespace) -> dict[str, Any]:
    """Print and return what `fuse` would find in the images of the command line, and what it would take.

    Raises:
        FileNotFoundError, ValueError, MemoryError: what would end the fusion, in one line.
    """
    return _checked(options, [Path(image) for image in options.images])


def _checked(options: Namespace, images: list[Path], name: str | None = None) -> dict[str, Any]:
    config, case = case_of(options, images, name)
    pipeline = FusionPipeline(config)
    ready = pipeline.preprocess({key: case[key] for key in pipeline.keys})
    noise = pipeline.inferer.noise_in_words(ready[IMAGE][None])
    sources = {
        key: {"file": case[key], "modality": config.inputs.modality_name(key), **grid_of(ready[key]), "noise": said}
        for key, said in zip(pipeline.keys, noise, strict=True)
    }
    for key in pipeline.keys[1:]:
        sources[key]["registration"] = registration_in_words(ready[key], config)
    read = sum(math.prod(found["shape"]) for found in sources.values())
    told = forecast(ready[IMAGE].shape[1:], config, pipeline.reach, read)
    output = str(Path(config.results.output_dir) / case["case"])
    if not options.json:
        print("\n".join([*(_line(key, found) for key, found in sources.items()), _last_line(output, told)]))
    return {"sources": sources, "forecast": told._asdict(), "output": output}


def _line(key: str, found: Mapping[str, Any]) -> str:
    said = [f"{key}: {found['modality']}, {found['file']}"]
    if "shape" in found:
        sides = " x ".join(f"{side:g}" for side in found["spacing"])
        said.append(f"{' x '.join(map(str, found['shape']))} voxels of {sides} mm, {found['axes']}")
    if "overlap" in found:
        said.append(f"covers {100 * found['overlap']:.0f} % of the anchor")
    said += [found[what] for what in ("registration", "noise") if found.get(what)]
    return "; ".join(said)


def _last_line(output: str, told: Forecast) -> str:
    return f"would write {output}_*; takes {told.line()}"
