# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The training volumes: found, checked before the first step, and split by person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from monai_ddfm.io.json_file import read_json
from monai_ddfm.transforms.modality import Modality, modality_of

__all__ = ["person_of", "read_datalist", "split_by_person", "volume_weights", "with_ct_windows"]

_MODALITY_WORD = re.compile(r"mri?|t1(w|c|ce|gd)?|t2w?|flair|pdw?|swi|ct|pet|pt|fdg|suv|nm|spect")


def person_of(name: str) -> str:
    """Return who is in a volume: its file name without folder, suffix and modality words.

    ``limb_mr_t1_sts_001.nii.gz`` and ``limb_pet_sts_001.nii.gz`` are both ``limb_sts_001``.
    """
    stem = Path(name).name.lower().removesuffix(".gz").removesuffix(".nii")
    words = re.split(r"[^a-z0-9]+", stem)
    return "_".join(word for word in words if word and not _MODALITY_WORD.fullmatch(word))


def read_datalist(dataset_dir: str | Path, datalist: str | Path = "datalist.json") -> list[dict[str, Any]]:
    """List the volumes of a training folder and decode every one of them once.

    Args:
        dataset_dir: folder of NIfTI volumes.
        datalist: JSON list of ``{"image": file, "modality": "MR" | "CT" | "PT" | "NM"}``, or such a list under
            ``training``; relative to `dataset_dir`. ``person`` is optional and overrules the file name. Without this
            file all ``*.nii`` and ``*.nii.gz`` of the folder are taken, with modality and person from their names.

    Returns:
        one dictionary a volume: ``image`` (absolute path), ``modality`` (`Modality` code) and ``person``.

    Raises:
        FileNotFoundError: the folder is missing or holds no volumes.
        ValueError: entries that cannot be read, all of them named; or a datalist of another form.
    """
    folder = Path(dataset_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; give --dataset_dir a folder of NIfTI volumes")
    listed = folder / datalist
    if listed.is_file():
        entries = _parse(listed)
    else:
        files = sorted([*folder.glob("*.nii"), *folder.glob("*.nii.gz")])
        entries = [{"image": file.name} for file in files]
    if not entries:
        raise FileNotFoundError(f"{folder}: no volumes to train on; put *.nii.gz files or a datalist.json there")
    faults = []
    checked = []
    for entry in entries:
        try:
            checked.append(_check(folder, entry))
        except (ValueError, OSError, EOFError, KeyError, ImageFileError) as error:
            faults.append(f"{entry.get('image', entry)}: {error}")
    if faults:
        raise ValueError(
            f"{listed if listed.is_file() else folder}: {len(faults)} of {len(entries)} entries cannot be read, "
            "repair or remove them:\n  " + "\n  ".join(faults)
        )
    return checked


def split_by_person(
    entries: Sequence[dict[str, Any]],
    validation_share: float = 0.1,
    validation_persons: Sequence[str] | None = None,
    seed: int = 0,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Split volumes into training and validation such that no person is in both.

    Args:
        entries: what `read_datalist` returned.
        validation_share: share of the persons, drawn by `seed`, kept for validation; at least one.
        validation_persons: these persons instead of a draw.
        seed: of the draw.

    Raises:
        ValueError: an unknown person, or a split that leaves nothing to train on.
    """
    persons = sorted({str(entry["person"]) for entry in entries})
    if validation_persons is None:
        count = max(1, round(validation_share * len(persons)))
        held_out = set(np.random.default_rng(seed).permutation(persons)[:count].tolist())
    else:
        held_out = set(validation_persons)
        unknown = sorted(held_out - set(persons))
        if unknown:
            raise ValueError(f"validation_persons {unknown} are not in the training folder, which has {persons}")
    training = [entry for entry in entries if entry["person"] not in held_out]
    if not training:
        raise ValueError(f"all {len(persons)} persons are held out for validation; nothing is left to train on")
    return training, [entry for entry in entries if entry["person"] in held_out]


def with_ct_windows(entries: Sequence[dict[str, Any]], ct_windows: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """Repeat every CT volume once for each window (HU); ``window`` is None for the other modalities."""
    repeated = []
    for entry in entries:
        windows = [tuple(window) for window in ct_windows] if entry["modality"] == Modality.CT.value else [None]
        repeated += [{**entry, "window": window} for window in windows]
    return repeated


def volume_weights(entries: Sequence[dict[str, Any]], head_weight: float = 1.0) -> list[float]:
    """Return how often to draw each volume: heads `head_weight`, others 1, shared among the windows of one CT.

    A head is a volume with ``head`` or ``brain`` among the words of its ``person``.
    """
    windows = Counter(entry["image"] for entry in entries)
    heads = [bool({"head", "brain"} & set(str(entry["person"]).split("_"))) for entry in entries]
    return [
        (head_weight if head else 1.0) / windows[entry["image"]] for entry, head in zip(entries, heads, strict=True)
    ]


def _parse(path: Path) -> list[dict[str, Any]]:
    content = read_json(path, "a list of {'image': file, 'modality': code}")
    entries = content.get("training") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{path}: expected a list of {{'image': file, 'modality': code}}, or one under 'training'")
    return entries


def _check(folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(entry.get("image"), str):
        raise ValueError("expected 'image' to be the path of a volume")
    file = folder / entry["image"]
    modality = modality_of(str(entry.get("modality") or file.name))
    if not file.is_file():
        raise FileNotFoundError("no such file")
    voxels = np.asanyarray(nib.load(file).dataobj)  # decodes all of it: a cut file shows here
    if voxels.ndim != 3 or min(voxels.shape) < 2:
        raise ValueError(f"expected a volume [H, W, D], found shape {voxels.shape}")
    if not np.isfinite(voxels).all():
        raise ValueError("has values that are not finite")
    return {
        "image": str(file),
        "modality": modality.value,
        "person": str(entry.get("person") or person_of(file.name)),
    }
