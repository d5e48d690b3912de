# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``python -m monai_ddfm fuse``: a thin door to the bundle's inference workflow."""

from __future__ import annotations

import json
import logging
import re
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigWorkflow

from monai_ddfm.commands.dicomweb import archive_at, fetch_sources, store_results
from monai_ddfm.io.endings import PICTURE_ENDINGS, image_ending, image_stem
from monai_ddfm.pipeline.presets import BUNDLE_ROOT, config_files, preset_names
from monai_ddfm.transforms.modality import Modality, modality_of

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

logger = logging.getLogger(__name__)
NAME = "fuse"
SUMMARY = "Fuse registered images; the first is the anchor: the result is on its grid and in its units."
_GREY_LEVELS = [0.0, 255.0]
_RESERVED = {"case", "image", "pred", "colour", "provenance", "uncertainty", "novelty"}  # keys of the workflow's own
_PASSED_ON = ("steps", "seed", "register", "output_format")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add = parser.add_argument
    add("images", nargs="*", metavar="IMAGE", help="anchor and other sources: NIfTI files, DICOM folders, or pictures")
    add(
        "-o", "--output", default="output", help="the fused file (.nii.gz, .nii or .png), or a folder (default: output)"
    )
    add("--preset", choices=preset_names(), help="settings from configs/ (default: the bundle's own)")
    add("--modalities", nargs="+", metavar="M", help="MR, CT, PT or NM of each image (default: read from its name)")
    add("--steps", type=int, help="network evaluations per slice")
    add("--seed", type=int, help="makes the noise; the same seed, the same result")
    add("--device", help="e.g. cpu or cuda:0 (default: a GPU where there is one)")
    add("--output-format", choices=["nifti", "dicom", "both"], help="DICOM needs DICOM sources (default: nifti)")
    add("--register", choices=["none", "rigid"], help="rigid: move the sources onto the anchor first")
    add("--dicomweb", metavar="URL", help="fetch the sources from this archive and store the DICOM results there")
    add("--study", metavar="UID", help="StudyInstanceUID in the archive")
    add("--anchor", metavar="M", help="modality or SeriesInstanceUID of the anchor in the archive")
    add("--source", metavar="M", action="append", default=[], help="the same for another source; may be repeated")
    add("--overwrite", action="store_true", help="replace existing results")
    add("--set", nargs=2, action="append", default=[], metavar=("ID", "VALUE"), help="any other value of the bundle")
    add("--traceback", action="store_true", help="show where an error came from")


def _modalities(names: list[str] | None, images: list[Path], pictures: bool) -> list[Modality]:
    """The modality of each image: as given, or by its file name; pictures need none, all are in grey levels.

    Raises:
        ValueError: not as many as images, or a name that does not say it.
    """
    if names is None:
        return [Modality.MR if pictures else modality_of(image.name) for image in images]
    if len(names) != len(images):
        raise ValueError(f"{len(names)} modalities for {len(images)} images; give one for each")
    return [modality_of(name) for name in names]


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
        raise ValueError(f"fusion takes at least two images, got {images[0] if images else 'none'}")
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


def _keys(images: list[Path]) -> list[str]:
    """Names for the images: their files' where these differ, else numbers."""
    names = [re.sub(r"[^A-Za-z0-9]+", "_", image_stem(image)).strip("_") for image in images]
    if len(set(names)) == len(names) and all(names) and not _RESERVED & set(names):
        return names
    return [f"image_{number}" for number in range(1, len(images) + 1)]


def _overrides(options: Namespace, images: list[Path]) -> dict[str, Any]:
    """The command's arguments as values of the bundle's configuration, by id."""
    pictures = _are_pictures(images)
    keys = _keys(images)
    modalities = _modalities(options.modalities, images, pictures)
    overrides: dict[str, Any] = {
        "anchor": keys[0],
        "sources": keys[1:],
        "modalities": {key: modality.value for key, modality in zip(keys, modalities, strict=True)},
        "overwrite": options.overwrite,
        "summary": None,
        **_result(Path(options.output), images[0], ".png" if pictures else ".nii.gz"),
        **{key: getattr(options, key) for key in _PASSED_ON if getattr(options, key) is not None},
    }
    if pictures:
        overrides["windows"] = {key: _GREY_LEVELS for key in keys}
        overrides["check_registration"] = False  # it needs three dimensions
    if options.device:
        overrides["device"] = f"$torch.device({options.device!r})"
    return overrides | {key: yaml.safe_load(value) for key, value in options.set}


def _fuse(options: Namespace, images: list[Path], workplace: Path) -> tuple[Path, str]:
    """Fuse by the bundle's workflow with one case; returns the folder of the results and the case's name."""
    overrides = _overrides(options, images)
    case_of_files = overrides.pop("case")
    name = options.study or case_of_files
    paths = {key: str(image.resolve()) for key, image in zip(overrides["modalities"], images, strict=True)}
    datalist = workplace / "datalist.json"
    datalist.write_text(json.dumps([{"case": name, **paths}]))
    workflow = ConfigWorkflow(
        config_file=config_files(options.preset),
        meta_file=str(BUNDLE_ROOT / "configs" / "metadata.json"),
        logging_file=str(BUNDLE_ROOT / "configs" / "logging.conf"),
        workflow_type="inference",
        dataset_dir=str(workplace),
        datalist=str(datalist),
        **overrides,
    )
    workflow.initialize()
    workflow.run()
    workflow.finalize()
    return Path(overrides["output_dir"]), name


def run(options: Namespace) -> None:
    """Fuse files, or series of an archive.

    Raises:
        ValueError: images and an archive both, or an archive without study, anchor and source.
    """
    with tempfile.TemporaryDirectory() as folder:
        workplace = Path(folder)
        if not options.dicomweb:
            _fuse(options, [Path(image) for image in options.images], workplace)
            return
        if options.images or not (options.study and options.anchor and options.source):
            raise ValueError("with --dicomweb give --study, --anchor and --source, and no files")
        archive = archive_at(options.dicomweb)
        images = fetch_sources(archive, options.study, [options.anchor, *options.source], workplace)
        options.output_format = options.output_format or "dicom"
        output_dir, name = _fuse(options, images, workplace)
        stored = store_results(archive, output_dir, name) if options.output_format != "nifti" else 0
        logger.info("%s: %d instances stored at %s", name, stored, archive.url)
