# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""``python -m monai_ddfm fuse``: a thin door to the bundle's inference workflow."""

from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigWorkflow

from monai_ddfm.files import PICTURE_ENDINGS, image_ending, image_stem
from monai_ddfm.presets import BUNDLE_ROOT, config_files, preset_names
from monai_ddfm.transforms.modality import Modality, modality_of

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "fuse"
SUMMARY = "Fuse registered images; the first is the anchor: the result is on its grid and in its units."
_GREY_LEVELS = [0.0, 255.0]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE", help="anchor and other sources: NIfTI files, DICOM folders, or pictures")
    add("-o", "--output", required=True, help="the fused file (.nii.gz, .nii or .png), or a folder for it")
    add("--preset", choices=preset_names(), help="settings from configs/ (default: the bundle's own)")
    add("--modalities", nargs="+", metavar="M", help="MR, CT, PT or NM of each image (default: read from its name)")
    add("--steps", type=int, help="network evaluations per slice")
    add("--seed", type=int, help="makes the noise; the same seed, the same result")
    add("--device", help="e.g. cpu or cuda:0 (default: a GPU where there is one)")
    add("--overwrite", action="store_true", help="replace existing results")
    add("--set", nargs=2, action="append", default=[], metavar=("ID", "VALUE"), help="any other value of the bundle")
    add("--traceback", action="store_true", help="show where an error came from")


def _modalities(options: Namespace, pictures: bool) -> list[Modality]:
    """The modality of each image: as given, or by its file name; pictures need none, all are in grey levels.

    Raises:
        ValueError: not as many as images, or a name that does not say it.
    """
    if options.modalities is None:
        return [Modality.MR if pictures else modality_of(Path(image).name) for image in options.images]
    if len(options.modalities) != len(options.images):
        raise ValueError(f"{len(options.modalities)} modalities for {len(options.images)} images; give one for each")
    return [modality_of(name) for name in options.modalities]


def _are_pictures(images: list[Path]) -> bool:
    """Whether all are pictures rather than volumes.

    Raises:
        FileNotFoundError: one is missing.
        ValueError: fewer than two, or some of each kind.
    """
    for image in images:
        if not image.exists():
            raise FileNotFoundError(f"{image}: no such file")
    if len(images) < 2:
        raise ValueError(f"fusion takes at least two images, got only {images[0]}")
    kinds = {image_ending(image) in PICTURE_ENDINGS for image in images}
    if len(kinds) > 1:
        raise ValueError(f"{', '.join(map(str, images))}: fuse pictures with pictures, and volumes with volumes")
    return kinds.pop()


def _result(output: Path, anchor: Path, extension: str) -> dict[str, Any]:
    """Where the fused file goes, as values of the configuration and the name of the case."""
    ending = image_ending(output)
    if ending is None:
        return {"case": image_stem(anchor), "output_dir": str(output), "output_extension": extension}
    if ending != extension and not (extension == ".nii.gz" and ending == ".nii"):
        raise ValueError(f"{output}: cannot write {ending} from these images; use {extension}")
    return {
        "case": image_stem(output),
        "output_dir": str(output.parent),
        "output_extension": output.name[-len(ending) :],
        "fused_suffix": "",
    }


def _overrides(options: Namespace, images: list[Path]) -> dict[str, Any]:
    """The command's arguments as values of the bundle's configuration, by id."""
    pictures = _are_pictures(images)
    keys = [f"image_{number}" for number in range(1, len(images) + 1)]
    modalities = _modalities(options, pictures)
    overrides: dict[str, Any] = {
        "anchor": keys[0],
        "sources": keys[1:],
        "modalities": {key: modality.value for key, modality in zip(keys, modalities, strict=True)},
        "overwrite": options.overwrite,
        "summary": None,
        **_result(Path(options.output), images[0], ".png" if pictures else ".nii.gz"),
        **{key: getattr(options, key) for key in ("steps", "seed") if getattr(options, key) is not None},
    }
    if pictures:
        overrides["windows"] = {key: _GREY_LEVELS for key in keys}
    if options.device:
        overrides["device"] = f"$torch.device({options.device!r})"
    return overrides | {key: yaml.safe_load(value) for key, value in options.set}


def run(options: Namespace) -> None:
    """Fuse, by the bundle's workflow with one case."""
    images = [Path(image) for image in options.images]
    overrides = _overrides(options, images)
    case = {"case": overrides.pop("case")}
    case |= {key: str(image.resolve()) for key, image in zip(overrides["modalities"], images, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        datalist = Path(folder) / "datalist.json"
        datalist.write_text(json.dumps([case]))
        workflow = ConfigWorkflow(
            config_file=config_files(options.preset),
            meta_file=str(BUNDLE_ROOT / "configs" / "metadata.json"),
            logging_file=str(BUNDLE_ROOT / "configs" / "logging.conf"),
            workflow_type="inference",
            dataset_dir=folder,
            datalist=str(datalist),
            **overrides,
        )
        workflow.initialize()
        workflow.run()
        workflow.finalize()
