# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``python -m monai_ddfm.commands.zoo FOLDER``: the bundle as MONAI's model zoo and `monai.bundle.load` want it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import torch
import yaml

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.io.atomic import atomic_folder
from monai_ddfm.priors import open_prior

__all__ = ["broken_rules", "main", "write_zoo_bundle"]

LARGEST_BYTES = 25 * 10**6  # the zoo's limit on a file; larger ones are fetched by large_files.yml
LARGE_FILES = ("large_files.yml", "large_files.yaml", "large_files.json")
REQUIRED = ("LICENSE", "configs/metadata.json", "configs/inference.json", "docs/README.md")


def write_zoo_bundle(folder: str | Path) -> Path:
    """Write the bundle with ``configs/NAME.json`` beside every YAML, and the weights also as ``models/model.pt``.

    The JSON files are the YAML files' contents, and `monai.bundle.load` and the zoo's checks look for nothing else.

    Args:
        folder: the new bundle; its name is the bundle's.

    Raises:
        FileExistsError: there is such a folder.
    """
    folder = Path(folder)
    with atomic_folder(folder) as filling:
        shutil.copytree(BUNDLE_ROOT, filling, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__*", ".*"))
        for config in (filling / "configs").glob("*.yaml"):
            content = yaml.safe_load(config.read_text(encoding="utf-8"))
            config.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        torch.save(_weights_for_both(), filling / "models" / "model.pt")
    return folder


def _weights_for_both() -> dict[str, torch.Tensor]:
    """The weights under the names of the prior, which inference loads, and of its network, which training loads.

    `monai.bundle.load` copies the names that fit and is content with none. Each tensor is stored once.
    """
    state = open_prior(None).state_dict()
    return {**state, **{name.removeprefix("network."): tensor for name, tensor in state.items()}}


def broken_rules(folder: str | Path) -> list[str]:
    """Return which rules of the model zoo a bundle breaks, each in one line; none for a good one.

    They are those of its README, CONTRIBUTING and ``verify_bundle``: the name; required files; version and changelog;
    no file above 25 MB that ``large_files.yml`` does not fetch; weights as ``models/model.pt``. The metadata's schema
    is for `monai.bundle.verify_metadata`, which downloads it.
    """
    folder = Path(folder)
    broken = [f"{folder / name}: is missing" for name in REQUIRED if not (folder / name).is_file()]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+", folder.name):
        broken.append(f"{folder.name}: a bundle's name is words with underscores that say task and data")
    fetched = _large_files(folder, broken)
    if not (folder / "models" / "model.pt").is_file() and "models/model.pt" not in fetched:
        broken.append(f"{folder}: neither models/model.pt nor a line of large_files.yml that fetches it")
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        if file.stat().st_size > LARGEST_BYTES and name not in fetched:
            broken.append(f"{file}: {file.stat().st_size / 1e6:.0f} MB, at most 25; large_files.yml has to fetch it")
    if (folder / REQUIRED[1]).is_file():
        broken += _metadata_faults(folder / REQUIRED[1])
    return broken


def _large_files(folder: Path, broken: list[str]) -> set[str]:
    """The paths that a file of links fetches; lines without path or url are added to what is broken."""
    listing = next((folder / name for name in LARGE_FILES if (folder / name).is_file()), None)
    if listing is None:
        return set()
    entries = (yaml.safe_load(listing.read_text()) or {}).get("large_files") or []
    broken += [f"{listing}: {entry}: needs path and url" for entry in entries if not {"path", "url"} <= set(entry)]
    return {str(entry.get("path")) for entry in entries}


def _metadata_faults(path: Path) -> list[str]:
    metadata: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    missing = [
        key for key in ("version", "changelog", "required_packages_version", "supported_apps") if key not in metadata
    ]
    faults = [f"{path}: {key} is missing" for key in missing]
    if not missing and metadata["version"] not in metadata["changelog"]:
        faults.append(f"{path}: version {metadata['version']} is missing in changelog")
    return faults


def _run(options: Namespace) -> None:
    broken = broken_rules(write_zoo_bundle(options.folder))
    if broken:
        raise ValueError("; ".join(broken))


def main(arguments: list[str] | None = None) -> int:
    """Write the bundle and hold it to the zoo's rules; returns the exit code."""
    from monai_ddfm.__main__ import run_in_one_line

    parser = ArgumentParser(prog="python -m monai_ddfm.commands.zoo", description=__doc__)
    parser.add_argument("folder", help="the new bundle, e.g. ddfm_image_fusion")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.set_defaults(verbose=False, traceback=False)
    return run_in_one_line(_run, parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
