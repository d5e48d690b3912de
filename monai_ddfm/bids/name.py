# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Names of BIDS files: ``sub-01_ses-a_acq-high_T1w.nii.gz`` is entities, a suffix and an extension."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["BidsName", "Selector"]

# in the order that names have them (BIDS 1.10, appendix "Entities")
_ORDER = (
    *("sub", "ses", "sample", "task", "tracksys", "acq", "ce", "trc", "stain", "rec", "dir", "run", "mod", "echo"),
    *("flip", "inv", "mt", "part", "proc"),
    *("hemi", "space", "split", "recording", "chunk", "seg", "res", "den", "label", "desc"),
)  # fmt: skip
_LABEL = re.compile(r"[0-9a-zA-Z+]+")
_FORM = re.compile(r"(?P<entities>(?:[a-z]+-[0-9a-zA-Z+]+_)*)(?P<suffix>[0-9a-zA-Z]+)(?P<extension>\.[^/]*)?")


@dataclass(frozen=True)
class BidsName:
    """A name, taken apart.

    Attributes:
        entities: label by key, e.g. ``{"sub": "01", "acq": "high"}``.
        suffix: what the file is, e.g. ``T1w``.
        extension: e.g. ``.nii.gz``; may be empty.
    """

    entities: Mapping[str, str]
    suffix: str
    extension: str = ""

    @classmethod
    def of(cls, name: str) -> BidsName | None:
        """Return the parts of a file's name; None when it has another form."""
        found = _FORM.fullmatch(name)
        if found is None:
            return None
        pairs = [pair.split("-", 1) for pair in found["entities"].split("_") if pair]
        entities = {key: label for key, label in pairs}
        if len(entities) < len(pairs):
            return None
        return cls(entities, found["suffix"], found["extension"] or "")

    def with_entities(self, suffix: str | None = None, extension: str | None = None, **labels: str | None) -> BidsName:
        """Return the name with other labels (None takes one away), suffix or extension.

        Raises:
            ValueError: a label that is none.
        """
        for key, label in labels.items():
            if label is not None and not _LABEL.fullmatch(label):
                raise ValueError(f"{key}-{label}: a label of BIDS has letters and digits only")
        merged = {key: label for key, label in {**self.entities, **labels}.items() if label is not None}
        suffix = self.suffix if suffix is None else suffix
        return replace(
            self, entities=merged, suffix=suffix, extension=self.extension if extension is None else extension
        )

    def __str__(self) -> str:
        """Return the file's name."""
        known = [key for key in _ORDER if key in self.entities]
        others = [key for key in self.entities if key not in _ORDER]
        pairs = [f"{key}-{self.entities[key]}" for key in (*known, *others)]
        return "_".join([*pairs, self.suffix]) + self.extension

    @property
    def folder(self) -> Path:
        """The folder of the subject and session."""
        session = self.entities.get("ses")
        return Path(f"sub-{self.entities['sub']}", *([f"ses-{session}"] if session else []))


@dataclass(frozen=True)
class Selector:
    """Which image of a subject is meant, as its name has it: ``T1w``, or ``acq-high_T1w``, ``trc-FDG_pet``."""

    text: str
    name: BidsName = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parsed = BidsName.of(self.text)
        if parsed is None or parsed.extension:
            raise ValueError(f"{self.text}: expected the end of an image's name without extension, e.g. acq-high_T1w")
        object.__setattr__(self, "name", parsed)

    def fits(self, name: BidsName) -> bool:
        """Whether a file has the suffix, and every label that is asked for."""
        return name.suffix == self.name.suffix and self.name.entities.items() <= name.entities.items()
