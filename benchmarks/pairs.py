# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Finding, reading and writing the slice pairs that the benchmarks fuse."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

__all__ = ["Pair", "find_pairs", "half_of", "read_sources", "write_grey"]

ANCHOR = "MRI"


@dataclass(frozen=True)
class Pair:
    """Two registered slices of one case: ``anchor`` is the MRI."""

    set: str
    name: str
    anchor: Path
    other: Path

    @property
    def case(self) -> str:
        """The case: Harvard atlas names are its number and three digits of the slice, 33012 is slice 12 of case 33."""
        stem = Path(self.name).stem
        return stem[:-3] if stem.isdigit() and len(stem) > 3 else stem


def find_pairs(root: Path) -> list[Pair]:
    """List the pairs below `root`, laid out ``<OTHER>-MRI/{MRI,<OTHER>}/*.png`` or ``MRI_<OTHER>/{MRI,<OTHER>}/*.png``.

    Raises:
        FileNotFoundError: if there is no such folder, or a picture without its partner.
    """
    pairs = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []:
        other = folder.name.removesuffix(f"-{ANCHOR}").removeprefix(f"{ANCHOR}_")
        if other == folder.name or not (folder / ANCHOR).is_dir():
            continue
        for anchor in sorted((folder / ANCHOR).glob("*.png")):
            partner = folder / other / anchor.name
            if not partner.is_file():
                raise FileNotFoundError(f"{anchor} has no partner {partner}; each picture must lie in both folders")
            pairs.append(Pair(folder.name, anchor.name, anchor, partner))
    if not pairs:
        raise FileNotFoundError(
            f"{root} holds no pairs: expected <OTHER>-MRI/{{MRI,<OTHER>}}/*.png or MRI_<OTHER>/{{MRI,<OTHER>}}/*.png"
        )
    return pairs


# cases of the Harvard Whole Brain Atlas that the default's parameters were chosen on
_CHOSEN_ON = {"CT": {2, 28, 33, 37}, "PET": {25}, "SPECT": {3, 10, 15, 21, 25, 28, 40}}


def half_of(pair: Pair) -> str:
    """``choose`` for a case that the default's parameters were chosen on, ``report`` for any other."""
    chosen_on = _CHOSEN_ON.get(pair.other.parent.name, set())
    return "choose" if pair.case.isdigit() and int(pair.case) in chosen_on else "report"


def read_sources(pair: Pair) -> Tensor:
    """Read a pair as grey levels ``[1, 2, H, W]`` in 0..255, the MRI first.

    Colour pictures become their ITU-R BT.601 luminance in whole grey levels, as in the published evaluations.

    Raises:
        ValueError: if the two pictures differ in size.
    """
    anchor, other = (np.asarray(Image.open(path).convert("L"), dtype=np.float32) for path in (pair.anchor, pair.other))
    if anchor.shape != other.shape:
        raise ValueError(f"{pair.anchor} is {anchor.shape} and {pair.other} is {other.shape}; register the pair first")
    return torch.from_numpy(np.stack([anchor, other]))[None]


def write_grey(image: Tensor, path: Path) -> None:
    """Write whole grey levels ``[1, 1, H, W]`` as an 8-bit PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    Image.fromarray(image[0, 0].cpu().numpy().astype(np.uint8)).save(temporary, format="PNG")
    os.replace(temporary, path)
