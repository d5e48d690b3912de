# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What ``monai-ddfm fuse`` does: its arguments become settings and a case, and the case is fused."""

from __future__ import annotations

import logging
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai_ddfm.cohort import fuse_cases
from monai_ddfm.cohort.results import Results
from monai_ddfm.commands.dicomweb import archive_at, fetch_sources, store_results
from monai_ddfm.commands.typed_settings import typed_settings
from monai_ddfm.dicom.archive.dicomweb import DicomWebArchive
from monai_ddfm.dicom.archive.node import DicomNode
from monai_ddfm.io.endings import PICTURE_ENDINGS, image_ending, image_stem
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.names import source_keys
from monai_ddfm.transforms.modality import Modality, modality_of

__all__ = ["case_of", "fetched_images", "fuse_archive", "fuse_files", "result_files"]

logger = logging.getLogger(__name__)
# arguments that are settings, where a command has them
_SAME_NAME = ("steps", "seed", "register", "spacing", "output_format", "device", "maps", "trust_torchscript")
_SERIES = "the UID, number or description of its series"


def fuse_files(options: Namespace) -> dict[str, Any]:
    """Fuse the images of the command line; returns the case's name and the files of its results.

    Raises:
        FileNotFoundError, FileExistsError, ValueError: images or settings that cannot be, named in one line.
        OSError: `--store-to` names a node that cannot be reached, or refuses; the files stay.
    """
    if options.study or options.anchor or options.source:
        raise ValueError("--study, --anchor and --source choose series of an archive: give --dicomweb URL, too")
    node = None if options.store_to is None else DicomNode.at(options.store_to)
    if node is not None and options.output_format not in ("dicom", "both"):
        raise ValueError("--store-to stores DICOM results: give --output-format dicom or both, too")
    pipeline, case = _fuse(options, [Path(image) for image in options.images])
    if node is not None:
        logger.info("%s: %d instances stored at %s", case, store_results(node, pipeline.config, case), node)
    return result_files(pipeline, case)


def fuse_archive(options: Namespace) -> dict[str, Any]:
    """Fuse series of an archive, and store the DICOM results there; returns what `fuse_files` does.

    Raises:
        ValueError: images and an archive both, or an archive without study, anchor and source.
        OSError: the archive cannot be reached, or refuses.
    """
    if options.store_to:
        raise ValueError("--dicomweb stores the results where the sources are; --store-to is for files")
    options.output_format = options.output_format or "dicom"
    with fetched_images(options) as (archive, images):
        pipeline, case = _fuse(options, images, options.study)
    config = pipeline.config
    stored = store_results(archive, config, options.study) if config.results.output_format != "nifti" else 0
    logger.info("%s: %d instances stored at %s", options.study, stored, archive.url)
    return result_files(pipeline, case)


@contextmanager
def fetched_images(options: Namespace) -> Iterator[tuple[DicomWebArchive, list[Path]]]:
    """Give an archive and the sources fetched from it, which are there as long as what is done inside.

    Raises:
        ValueError: images and an archive both, or an archive without study, anchor and source.
        OSError: the archive cannot be reached, or refuses.
    """
    if options.images or not (options.study and options.anchor and options.source):
        raise ValueError("with --dicomweb give --study, --anchor and --source, and no files")
    archive = archive_at(options.dicomweb)
    with tempfile.TemporaryDirectory() as folder:
        yield archive, fetch_sources(archive, options.study, [options.anchor, *options.source], Path(folder))


def result_files(pipeline: FusionPipeline, case: str) -> dict[str, Any]:
    """Return a case's name and the files of its results, its record first."""
    return {"case": case, "files": [str(path) for path in Results(pipeline).existing(case)]}


def _fuse(options: Namespace, images: list[Path], case: str | None = None) -> tuple[FusionPipeline, str]:
    """Fuse one case; returns what it was fused by, and the case's name."""
    config, entry = case_of(options, images, case)
    pipeline = FusionPipeline(config)
    fuse_cases(pipeline, [entry])
    return pipeline, entry["case"]


def case_of(options: Namespace, images: list[Path], case: str | None = None) -> tuple[FusionConfig, dict[str, str]]:
    """Return what the arguments describe: the fusion, and its case with the files of the sources.

    Raises:
        FileNotFoundError, ValueError: images or settings that cannot be.
    """
    settings = _settings(options, images)
    name = case or settings.pop("case")
    settings.pop("case", None)
    config = FusionConfig.of(options.preset, **settings)
    keys = config.inputs.keys
    if len(keys) != len(images):
        raise ValueError(f"sources: {', '.join(keys)} are {len(keys)} with the anchor, for {len(images)} images")
    return config, {"case": name, **dict(zip(keys, map(str, images), strict=True))}


def _settings(options: Namespace, images: list[Path]) -> dict[str, Any]:
    """The arguments as settings, and the name of the case."""
    pictures = _are_pictures(images)
    keys = source_keys([image_stem(image) for image in images])
    modalities = _modalities(options.modalities, images, pictures)
    settings: dict[str, Any] = {
        "anchor": keys[0],
        "sources": keys[1:],
        "modalities": {key: modality.value for key, modality in zip(keys, modalities, strict=True)},
        "overwrite": options.overwrite,
        "summary": None,
        "progress": not options.quiet,
        **_result(Path(options.output or "."), images[0], ".png" if pictures else ".nii.gz"),
        "select": _by_source("--select", "SERIES", _SERIES, options.select, keys, modalities),
        "transforms": _by_source("--transform", "FILE", "its transform", options.transform, keys, modalities),
        **{name: given for name in _SAME_NAME if (given := getattr(options, name, None)) is not None},
    }
    return settings | typed_settings(options.set)


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


def _by_source(
    argument: str, kind: str, what: str, choices: list[str], keys: list[str], modalities: list[Modality]
) -> dict[str, str]:
    """What is said of each source; a source is called by its name, or by its modality where one alone has that.

    Raises:
        ValueError: no ``SOURCE=...``, or a source that is not there.
    """
    said = {}
    for choice in choices:
        name, given, value = choice.partition("=")
        named = [key for key in keys if key == name] or _of_modality(name, keys, modalities)
        if not given or not value or len(named) != 1:
            raise ValueError(
                f"{argument} {choice}: expected SOURCE={kind}, with one of the sources {', '.join(keys)} and {what}"
            )
        said[named[0]] = value
    return said


def _of_modality(name: str, keys: list[str], modalities: list[Modality]) -> list[str]:
    try:
        wanted = modality_of(name)
    except ValueError:
        return []
    return [key for key, modality in zip(keys, modalities, strict=True) if modality is wanted]


def _result(output: Path, anchor: Path, extension: str) -> dict[str, Any]:
    """Where the fused file goes, as settings and the name of the case."""
    ending = image_ending(output)
    if ending is None:
        return {"case": image_stem(anchor), "output_dir": str(output), "output_extension": extension}
    if ending != extension and not (extension == ".nii.gz" and ending == ".nii"):
        raise ValueError(f"{output}: cannot write {ending} from these images; use {extension}")
    return {
        "case": image_stem(output),
        "output_dir": str(output.parent),
        "output_extension": ending,
        "fused_suffix": "",
    }
