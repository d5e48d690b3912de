# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A BIDS dataset that is read: its subjects, images and sidecars, with what is wrong said in one line."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_ddfm.bids.name import BidsName
from monai_ddfm.io.endings import VOLUME_ENDINGS

__all__ = ["BidsDataset", "read_json"]

DATATYPES = ("anat", "pet", "ct")  # CT has no place in BIDS yet; people keep it in ct/, or in anat/
DESCRIPTION = "dataset_description.json"


def read_json(path: Path) -> dict[str, Any]:
    """Return the object of a JSON file.

    Raises:
        ValueError: no JSON, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content


class BidsDataset:
    """A BIDS dataset on disk.

    Args:
        root: its folder.

    Attributes:
        description: what ``dataset_description.json`` holds.
        subjects: labels, without ``sub-``.

    Raises:
        FileNotFoundError: no such folder, no description, or no subject.
        ValueError: a description without Name or BIDSVersion.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise FileNotFoundError(f"{self.root}: no such folder; expected a BIDS dataset")
        if not (self.root / DESCRIPTION).is_file():
            raise FileNotFoundError(
                f"{self.root}: no BIDS dataset, {DESCRIPTION} is missing; it needs at least "
                '{"Name": "...", "BIDSVersion": "1.10.0"}'
            )
        self.description = read_json(self.root / DESCRIPTION)
        if missing := [key for key in ("Name", "BIDSVersion") if not isinstance(self.description.get(key), str)]:
            raise ValueError(f"{self.root / DESCRIPTION}: {', '.join(missing)} is missing, which BIDS requires")
        self.subjects = sorted(path.name[4:] for path in self.root.glob("sub-*") if path.is_dir())
        if not self.subjects:
            raise FileNotFoundError(f"{self.root}: no subject; a BIDS dataset has a folder sub-LABEL for each")

    def require_subjects(self, labels: Sequence[str]) -> list[str]:
        """Return labels, with or without ``sub-``, as `subjects` has them.

        Raises:
            ValueError: one is not there.
        """
        wanted = [label.removeprefix("sub-") for label in labels]
        if unknown := [label for label in wanted if label not in self.subjects]:
            raise ValueError(f"{self.root}: no subject {', '.join(unknown)}; there are {', '.join(self.subjects)}")
        return wanted

    def images(self, subject: str) -> dict[Path, BidsName]:
        """Return the NIfTI images of a subject with their names, in order.

        Raises:
            ValueError: a name of another form, or one that does not agree with its folders.
        """
        found = {}
        folders = [self.root / f"sub-{subject}", *sorted((self.root / f"sub-{subject}").glob("ses-*"))]
        paths = [path for folder in folders for kind in DATATYPES for path in sorted((folder / kind).glob("*.nii*"))]
        for path in paths:
            if not path.name.endswith(VOLUME_ENDINGS):
                continue
            name = BidsName.of(path.name)
            if name is None:
                raise ValueError(f"{path}: no name of BIDS; expected e.g. sub-{subject}_T1w.nii.gz")
            session = path.parent.parent.name if path.parent.parent.name.startswith("ses-") else ""
            expected = {"sub": subject, **({"ses": session[4:]} if session else {})}
            if {key: name.entities.get(key) for key in ("sub", "ses") if key in name.entities} != expected:
                said = "_".join(f"{key}-{label}" for key, label in expected.items())
                raise ValueError(f"{path}: its folders say {said}, its name does not; rename it or move it")
            found[path] = name
        return found

    def metadata(self, path: Path, name: BidsName) -> dict[str, Any]:
        """Return what the sidecars of an image say, the nearest last (BIDS's inheritance principle).

        Raises:
            ValueError: a sidecar that is no JSON object.
        """
        parents = [folder for folder in path.parents if folder == self.root or self.root in folder.parents]
        merged: dict[str, Any] = {}
        for folder in reversed(parents):
            fitting = []
            for file in folder.glob("*.json"):
                sidecar = BidsName.of(file.name)
                if sidecar and sidecar.suffix == name.suffix and sidecar.entities.items() <= name.entities.items():
                    fitting.append((len(sidecar.entities), file))
            for _, file in sorted(fitting):
                merged |= read_json(file)
        return merged

    def participant(self, subject: str) -> dict[str, str]:
        """Return the subject's line of ``participants.tsv``; nothing where there is none."""
        table = self.root / "participants.tsv"
        if not table.is_file():
            return {}
        with table.open(newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.DictReader(opened, delimiter="\t"))
        return next((row for row in rows if row.get("participant_id") == f"sub-{subject}"), {})
