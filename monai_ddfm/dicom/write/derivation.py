# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How a derived object was made: its description and the UIDs that follow from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4, uuid5

from pydicom.uid import UID

import monai_ddfm
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.intended_use import NOT_DIAGNOSTIC

__all__ = ["Derivation", "uid_from_name"]

_NAMESPACE = UUID("6f0bd6a2-6a5b-5c0e-9d0e-3b0d8c4a5f10")
_MAX_DESCRIPTION = 1024  # DerivationDescription is a Short Text (ST)


def uid_from_name(*names: str) -> UID:
    """Return the UID that belongs to a sequence of names: the same names, the same UID.

    The UID is ``2.25.`` followed by a name-based UUID (RFC 9562 version 5) as one integer (PS3.5 annex B.2).
    """
    return UID(f"2.25.{uuid5(_NAMESPACE, json.dumps(names)).int}")


@dataclass(frozen=True)
class Derivation:
    """The method and settings behind a fused volume.

    Two runs with equal fields on the same source instances give the same UIDs, so that a re-run replaces what it wrote
    before instead of adding a copy to the archive. Everything that changes a voxel therefore belongs into `settings`.

    Args:
        method: name of the fusion method, e.g. "DDFM".
        version: version of the software that fused; default this package's.
        preset: name of the preset that was run.
        seed: seed of the noise; None for a method without noise.
        settings: whatever else decides on the voxels (overrides of the preset, weights' checksum); it enters the UIDs,
            not the description. Must be JSON.
        new_uids: make UIDs that no other run shares.

    Raises:
        ValueError: `method` or `preset` is empty, or `settings` cannot be written as JSON.
    """

    method: str = "DDFM"
    version: str = monai_ddfm.__version__
    preset: str = "default"
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    new_uids: bool = False
    _run: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        if not self.method or not self.preset:
            raise ValueError(f"method and preset need a name, got method {self.method!r} and preset {self.preset!r}")
        try:
            json.dumps(dict(self.settings))
        except TypeError as error:
            raise ValueError(f"settings must be plain numbers, texts, lists and mappings: {error}") from error
        if self.new_uids:
            object.__setattr__(self, "_run", uuid4().hex)

    def describe(self, sources: Sequence[SeriesIdentity]) -> str:
        """Return the DerivationDescription: not for diagnosis, method, version, preset, seed, the sources' modalities.

        The sources' own descriptions are left out: they are free text and may hold a name.
        """
        seed = "" if self.seed is None else f", seed {self.seed}"
        modalities = " + ".join(source.modality or "unknown" for source in sources)
        made = f"{self.method} image fusion of {modalities}; monai_ddfm {self.version}, preset {self.preset}{seed}"
        text = f"{NOT_DIAGNOSTIC}. {made}"
        return text[:_MAX_DESCRIPTION]

    def uid(self, anchor: SeriesIdentity, sources: Sequence[SeriesIdentity], *names: str) -> UID:
        """Return the UID of one object of this derivation.

        Args:
            anchor: series whose grid the object lies on.
            sources: the sources in the order they were fused in.
            names: what tells the object from the others of the same run, e.g. ``"grey", "series"``.
        """
        how = [self.method, self.version, self.preset, self.seed, dict(self.settings), self._run]
        instances = [[i.sop_instance_uid, i.frame_number] for source in sources for i in source.instances]
        return uid_from_name(json.dumps(how, sort_keys=True), anchor.series_instance_uid, json.dumps(instances), *names)
