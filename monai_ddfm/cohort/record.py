# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a result was made from: so that a run can be repeated, and a finished case is not done twice."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai.transforms import Transform

from monai_ddfm.denoising.noise_meta import notes_of
from monai_ddfm.dicom.read.source_paths import source_paths
from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.io.existing import require_existing
from monai_ddfm.io.unchanged import unchanged
from monai_ddfm.pipeline import FusionPipeline
from monai_ddfm.pipeline.names import FUSED
from monai_ddfm.stages import stages_of

__all__ = [
    "DIGESTS",
    "GONE",
    "BeginRecord",
    "FinishRecord",
    "add_to_record",
    "content_key",
    "digest_of_files",
    "digested",
    "files_of",
    "key_of",
    "read_record",
    "record_path",
    "recorded_sources",
]

logger = logging.getLogger(__name__)
GONE = "removed while the run went on, by somebody who clears this folder; leave it to the run, and run again"
DIGESTS = "source_digests"
"""Key of the sources' digests in a case's data: JSON in a text, as collating keeps texts."""


def files_of(source: Path) -> list[Path]:
    """Return the files that a source is made of: itself, all files of a folder, a DICOMDIR and what it lists."""
    if source.is_dir():
        return sorted(path for path in source.rglob("*") if path.is_file())
    if source.name.upper() == "DICOMDIR":
        return [source, *map(Path, source_paths(source))]
    return [source]


def digest_of_files(path: Path) -> str:
    """Return the SHA-256 of the contents of a source's files."""
    digest = hashlib.sha256()
    for file in files_of(path):
        digest.update(_sha256(file))
    return digest.hexdigest()


def _sha256(file: Path) -> bytes:
    digest, block = hashlib.sha256(), memoryview(bytearray(1 << 20))
    with file.open("rb", buffering=0) as opened:
        while count := opened.readinto(block):
            digest.update(block[:count])
    return digest.digest()


@contextmanager
def digested(case: Mapping[str, Any], pipeline: FusionPipeline) -> Iterator[dict[str, str]]:
    """Give the digests of a case's sources, which must stay as they are until what is done inside has read them.

    Hashing comes first and warms the file cache, so that a cold disk is read once.

    Raises:
        FileNotFoundError: a source is not there.
        ValueError: a source changed between hashing and the end of reading.
    """
    sources = [Path(case[key]) for key in pipeline.keys]
    for source in sources:
        require_existing(source)
    with unchanged(lambda: [file for source in sources for file in files_of(source)]):
        yield _digests(case, pipeline)


def _digests(case: Mapping[str, Any], pipeline: FusionPipeline) -> dict[str, str]:
    return {key: digest_of_files(Path(case[key])) for key in pipeline.keys}


def key_of(digests: Mapping[str, str], pipeline: FusionPipeline) -> str:
    """Return the content key of sources with these digests."""
    return hashlib.sha256(json.dumps([digests, pipeline.digest], sort_keys=True).encode()).hexdigest()


def content_key(case: Mapping[str, Any], pipeline: FusionPipeline) -> str:
    """Return a digest of all that a result is made from: its files' contents, and what `FusionPipeline.digest` is of.

    Args:
        case: ``{"case": name, key: path, ...}``.
        pipeline: what it is fused with.
    """
    return key_of(_digests(case, pipeline), pipeline)


def record_path(output_dir: str | Path, case: str) -> Path:
    """Return where the record of a case stands: ``output_dir/<case>.json``."""
    return Path(output_dir) / f"{case}.json"


def read_record(path: Path) -> dict[str, Any]:
    """Return the record at `path`; nothing when there is none, or when the file is somebody else's."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def recorded_sources(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a record's sources by key; one that has changed since is said.

    Raises:
        FileNotFoundError: a source is no longer where it was.
    """
    sources = {}
    for key, one in record["inputs"].items():
        if not Path(one["path"]).exists():
            raise FileNotFoundError(f"{one['path']}: the {key} of {record['case']} is no longer there")
        if digest_of_files(Path(one["path"])) != one["sha256"]:
            logger.warning("%s: has changed since; the result will be another", one["path"])
        sources[key] = one["path"]
    return sources


def _write(path: Path, record: Mapping[str, Any]) -> None:
    with atomic_file(path, overwrite=True) as partial:
        partial.write_text(json.dumps(record, indent=2) + "\n")


def add_to_record(output_dir: str | Path, case: str, **known: Any) -> None:
    """Note more in the record of a case, which has begun.

    Raises:
        FileNotFoundError: the record is gone.
    """
    path = record_path(output_dir, case)
    if not (record := read_record(path)):
        raise FileNotFoundError(f"{path}: {GONE}")
    _write(path, {**record, **known})


class BeginRecord(Transform):
    """Note in ``output_dir/<case>.json``, before any result is written, what they will be made from.

    The data hold the digests of the bytes that were read as JSON under `DIGESTS`, as `CaseLoader` adds them.

    Args:
        pipeline: what they are made with.
    """

    def __init__(self, pipeline: FusionPipeline) -> None:
        self.pipeline = pipeline

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the record; the data is returned unchanged."""
        case = {key: data[key].meta["filename_or_obj"] for key in self.pipeline.keys}
        digests = json.loads(data[DIGESTS])
        record = {
            "case": data["case"],
            "finished": False,
            "content_key": key_of(digests, self.pipeline),
            "inputs": {key: {"path": str(case[key]), "sha256": digest} for key, digest in digests.items()},
            **self.pipeline.record,
        }
        lines = dict(zip(self.pipeline.keys, notes_of(data.get(FUSED)), strict=False))
        if lines:
            record["denoising"] = lines
        for key, line in lines.items():
            logger.info("%s: %s: %s", data["case"], key, line)
        _write(record_path(self.pipeline.config.results.output_dir, data["case"]), record)
        return dict(data)


class FinishRecord(Transform):
    """Note in ``output_dir/<case>.json``, after the last result, that the case is finished.

    Args:
        output_dir: folder of the results.
    """

    def __init__(self, output_dir: str | Path) -> None:
        self.output_dir = output_dir

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the record that `BeginRecord` began again, with what the stages took; the data come back unchanged."""
        stages = {"stages": noted} if (noted := stages_of(data)) else {}
        add_to_record(self.output_dir, data["case"], finished=True, **stages)
        return dict(data)
