# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Results under the names of BIDS derivatives, with sidecars and a description of the dataset."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_ddfm import __version__
from monai_ddfm.bids.cases import BidsCase
from monai_ddfm.bids.dataset import DESCRIPTION, BidsDataset
from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline.names import COLOUR, PREVIEW
from monai_ddfm.transforms.write_motions import motion_suffix

__all__ = ["describe_dataset", "publish", "write_json"]

BIDS_VERSION = "1.10.0"
HOMEPAGE = "https://arxiv.org/abs/2303.06840"
IGNORED = ("figures", "*_xfm.*", ".monai_ddfm/")  # previews and ITK's transforms have no place in BIDS yet
PROVENANCE = "provenance"
_WORDS = {"": "Fusion of the sources in the units of the first", COLOUR: "The same in colour: uptake over anatomy"}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    with atomic_file(path, overwrite=True) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def describe_dataset(output: Path, source: BidsDataset) -> None:
    """Write ``dataset_description.json``, ``README`` and ``.bidsignore`` of a dataset of derivatives."""
    link = os.path.relpath(source.root.resolve(), output.resolve())
    name = source.description["Name"]
    write_json(
        output / DESCRIPTION,
        {
            "Name": f"DDFM image fusion of {name}",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "monai_ddfm", "Version": __version__, "CodeURL": HOMEPAGE}],
            **(
                {"SourceDatasets": [{"DOI": source.description["DatasetDOI"]}]}
                if "DatasetDOI" in source.description
                else {}
            ),
            "DatasetLinks": {"raw": Path(link).as_posix()},
            "License": source.description.get("License", "n/a"),
        },
    )
    (output / "README.md").write_text(
        f"# Fused images of {name}\n\nMade by monai_ddfm {__version__} (DDFM, {HOMEPAGE}). `desc-fused` is the fusion "
        "on the grid (with `res-`, voxels of that size instead) and in the units of the image in `Sources`' first "
        "place.\nResearch software, no medical device.\n"
    )
    (output / ".bidsignore").write_text("\n".join(IGNORED) + "\n")


def publish(
    case: BidsCase, label: str, results: Path, output: Path, root: Path, spacing: Sequence[float] | None = None
) -> list[Path]:
    """Give the results of a case their names in the dataset of derivatives; returns the new images.

    Args:
        case: the case.
        label: of ``desc-``.
        results: folder that holds ``CASE_...``.
        output: the dataset of derivatives; on the same disk results are linked and take no space twice.
        root: of the raw dataset.
        spacing: of voxels that are not the anchor's, in mm: said in ``res-``.
    """
    anchor = next(iter(case.images))
    base = case.names[anchor].with_entities(ses=case.session or None, desc=label, extension=".nii.gz")
    resolution = {}
    if spacing is not None:
        sides = [f"{side:g}" for side in spacing]
        base = base.with_entities(res="x".join(sides).replace(".", "p") + "mm")
        resolution = {"Resolution": f"voxels of {' x '.join(sides)} mm over the field of view of SpatialReference"}
    folder = output / base.folder / case.images[anchor].parent.name
    sources = [f"bids:raw:{path.relative_to(root).as_posix()}" for path in case.images.values()]
    images = []
    for what, file in _images(case, results):
        # shares are one volume per source, which a T1w cannot have
        suffix = "probseg" if what == PROVENANCE else base.suffix
        target = folder / str(base.with_entities(suffix=suffix, desc=label + what))
        _link(file, target)
        words = _WORDS.get(what) or f"{what.capitalize()} of the fusion"
        write_json(
            target.with_name(target.name.replace(".nii.gz", ".json")),
            {
                "Description": f"{words} (DDFM)",
                "Sources": sources,
                "SkullStripped": False,
                "SpatialReference": sources[0],
                **resolution,
                **({"LabelMap": list(case.images)} if what == PROVENANCE else {}),
            },
        )
        images.append(target)
    preview = results / f"{case.name}_{PREVIEW}.png"
    if preview.is_file():
        _link(preview, output / f"sub-{case.subject}" / "figures" / str(base.with_entities(extension=".png")))
    for key in list(case.images)[1:]:
        motion = results / f"{case.name}_{motion_suffix(key, anchor)}.tfm"
        if motion.is_file():
            ends = {"from": _alphanumeric(key), "to": _alphanumeric(anchor), "mode": "image"}
            _link(motion, folder / str(base.with_entities(suffix="xfm", extension=".txt", desc=None, **ends)))
    return images


def _images(case: BidsCase, results: Path) -> Iterator[tuple[str, Path]]:
    """What is added to the label, and the file."""
    for what, ending in {"": "fused", COLOUR: COLOUR, **{name: name for name in MAPS}}.items():
        file = results / f"{case.name}_{ending}.nii.gz"
        if file.is_file():
            yield what, file


def _alphanumeric(key: str) -> str:
    return "".join(letter for letter in key if letter.isalnum())


def _link(file: Path, target: Path) -> None:
    with atomic_file(target, overwrite=True) as partial:
        try:
            os.link(file, partial)
        except OSError:  # another disk, or one without links
            shutil.copyfile(file, partial)
