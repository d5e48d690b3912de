# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a result was made from: so that a run can be repeated, and a finished case is not done twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from monai.transforms import Transform

from monai_ddfm import __version__
from monai_ddfm.io.atomic import atomic_file

__all__ = ["BeginRecordd", "FinishRecordd", "content_key", "describe", "read_record", "record_path"]

_IRRELEVANT = {"progress", "callback", "slices_per_batch"}  # they change nothing in a result
_LARGEST_TENSOR = 32


def describe(thing: Any) -> Any:
    """Return the settings of an object as plain JSON: its attributes, their attributes, and so on."""
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing.value if isinstance(thing, Enum) else thing
    if isinstance(thing, (Path, torch.device, torch.dtype)):
        return str(thing)
    if isinstance(thing, torch.Tensor):
        return thing.tolist() if thing.numel() <= _LARGEST_TENSOR else list(thing.shape)
    if isinstance(thing, Mapping):
        return {str(key): describe(value) for key, value in thing.items()}
    if isinstance(thing, (Sequence, set)):
        return [describe(value) for value in thing]
    if isinstance(thing, torch.nn.Module):
        return {"class": type(thing).__name__, "weights": _digest_of_weights(thing)}
    settings = {name: describe(value) for name, value in vars(thing).items() if name not in _IRRELEVANT}
    return {"class": type(thing).__name__, **settings}


def _digest_of_weights(module: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, weight in module.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _digest_of_files(path: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _record(case: Mapping[str, Any], keys: Sequence[str], settings: Any) -> dict[str, Any]:
    inputs = {key: {"path": str(case[key]), "sha256": _digest_of_files(Path(case[key]))} for key in keys}
    digests = {key: entry["sha256"] for key, entry in inputs.items()}
    key = hashlib.sha256(json.dumps([__version__, digests, settings], sort_keys=True).encode()).hexdigest()
    return {"version": __version__, "content_key": key, "inputs": inputs, "settings": settings}


def content_key(case: Mapping[str, Any], keys: Sequence[str], settings: Any) -> str:
    """Return a digest of the contents of a case's files, the settings and this package's version."""
    return _record(case, keys, settings)["content_key"]


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


class _WriteRecordd(Transform):
    finished: bool

    def __init__(self, keys: Sequence[str], output_dir: str | Path, settings: Any, case_key: str = "case") -> None:
        self.keys = list(keys)
        self.output_dir = output_dir
        self.settings = settings
        self.case_key = case_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the record; the data is returned unchanged."""
        files = {key: data[key].meta["filename_or_obj"] for key in self.keys}
        record = {"case": data[self.case_key], "finished": self.finished, **_record(files, self.keys, self.settings)}
        with atomic_file(record_path(self.output_dir, data[self.case_key]), overwrite=True) as partial:
            partial.write_text(json.dumps(record, indent=2) + "\n")
        return dict(data)


class BeginRecordd(_WriteRecordd):
    """Note in ``output_dir/<case>.json``, before any result is written, what they will be made from.

    Args:
        keys: the sources.
        output_dir: folder of the results.
        settings: what shapes the result, as `describe` gives it.
        case_key: key of the case's name.
    """

    finished = False


class FinishRecordd(_WriteRecordd):
    """Note in ``output_dir/<case>.json``, after the last result, that the case is finished; see `BeginRecordd`."""

    finished = True
