# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a result was made from: so that a run can be repeated, and a finished case is not done twice."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from monai.transforms import Transform

from monai_ddfm.denoising.noise_meta import notes_of
from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.pipeline import FusionPipeline
from monai_ddfm.pipeline.names import FUSED
from monai_ddfm.stages import stages_of

__all__ = [
    "BeginRecord",
    "FinishRecord",
    "add_to_record",
    "content_key",
    "digest_of_files",
    "read_record",
    "record_path",
]

logger = logging.getLogger(__name__)


def digest_of_files(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _digests(case: Mapping[str, Any], pipeline: FusionPipeline) -> dict[str, str]:
    return {key: digest_of_files(Path(case[key])) for key in pipeline.keys}


def _key(digests: Mapping[str, str], pipeline: FusionPipeline) -> str:
    return hashlib.sha256(json.dumps([digests, pipeline.digest], sort_keys=True).encode()).hexdigest()


def content_key(case: Mapping[str, Any], pipeline: FusionPipeline) -> str:
    """Return a digest of all that a result is made from: its files' contents, and what `FusionPipeline.digest` is of.

    Args:
        case: ``{"case": name, key: path, ...}``.
        pipeline: what it is fused with.
    """
    return _key(_digests(case, pipeline), pipeline)


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


def _write(path: Path, record: Mapping[str, Any]) -> None:
    with atomic_file(path, overwrite=True) as partial:
        partial.write_text(json.dumps(record, indent=2) + "\n")


def add_to_record(output_dir: str | Path, case: str, **known: Any) -> None:
    """Note more in the record of a case, which has begun."""
    path = record_path(output_dir, case)
    _write(path, {**json.loads(path.read_text()), **known})


class BeginRecord(Transform):
    """Note in ``output_dir/<case>.json``, before any result is written, what they will be made from.

    Args:
        pipeline: what they are made with.
    """

    def __init__(self, pipeline: FusionPipeline) -> None:
        self.pipeline = pipeline

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the record; the data is returned unchanged."""
        case = {key: data[key].meta["filename_or_obj"] for key in self.pipeline.keys}
        digests = _digests(case, self.pipeline)
        record = {
            "case": data["case"],
            "finished": False,
            "content_key": _key(digests, self.pipeline),
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
