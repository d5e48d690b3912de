# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Colour maps by name: the palettes of DICOM that nuclear medicine reads in, one hue per tracer, and matplotlib's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np
import torch
from matplotlib import colormaps
from pydicom import dcmread
from pydicom.data import get_palette_files

__all__ = ["AUTO", "DICOM_PALETTES", "HUES", "colour_table", "maps_for", "require_colour_map"]

AUTO = "auto"
DICOM_PALETTES: Mapping[str, str] = {
    "hot_iron": "hotiron.dcm",
    "hot_metal_blue": "hotmetalblue.dcm",
    "pet": "pet.dcm",
    "pet_20_step": "pet20step.dcm",
}
"""Well-known palettes of DICOM (PS3.6 annex B) that pydicom ships, by our names."""
HUES: Mapping[str, tuple[float, float, float]] = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "cyan": (0.0, 1.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0),
    "orange": (1.0, 0.5, 0.0),
}
"""One hue from black up, so that several tracers add up to a colour that tells them apart."""
_BY_COUNT = {1: ("inferno",), 2: ("magenta", "green"), 3: ("red", "green", "blue")}


def require_colour_map(name: str) -> None:
    """Raise ValueError unless there is a colour map of that name; the nearest are named."""
    known = [*DICOM_PALETTES, *HUES, *colormaps]
    if name not in known:
        near = get_close_matches(name.lower().replace(" ", "_"), known, n=3, cutoff=0.4) or ["inferno", "hot_iron"]
        raise ValueError(
            f"no colour map {name!r}; the nearest are {', '.join(near)}; there are DICOM's "
            f"{', '.join(DICOM_PALETTES)}, the hues {', '.join(HUES)}, and matplotlib's"
        )


def colour_table(name: str) -> torch.Tensor:
    """Return 256 colours ``[256, 3]`` in [0, 1] from no uptake to the highest.

    Raises:
        ValueError: no such colour map.
    """
    require_colour_map(name)
    if name in DICOM_PALETTES:
        palette = dcmread(get_palette_files(DICOM_PALETTES[name])[0])
        channels = [getattr(palette, f"{channel}PaletteColorLookupTableData") for channel in ("Red", "Green", "Blue")]
        table = np.stack([np.frombuffer(channel, dtype=np.uint8)[:256] for channel in channels], axis=1) / 255.0
    elif name in HUES:
        table = np.linspace(0.0, 1.0, 256)[:, None] * np.array(HUES[name])
    else:
        table = colormaps[name](np.linspace(0.0, 1.0, 256))[:, :3]
    return torch.from_numpy(table.copy()).float()


def maps_for(sources: Sequence[str], given: str | Mapping[str, str]) -> list[str]:
    """Return the name of a colour map for each functional source.

    Args:
        sources: names of the functional sources.
        given: a map for each by its name; one for a single source; or ``auto``.

    Raises:
        ValueError: one map for several sources, one that is missing or unknown, or more than three without a map each.
    """
    if isinstance(given, str):
        if given != AUTO and len(sources) > 1:
            each = ", ".join(f"{source}: {hue}" for source, hue in zip(sources, HUES, strict=False))
            raise ValueError(
                f"colour_map: {given!r} for {len(sources)} functional sources ({', '.join(sources)}): in one map "
                f"nobody can tell them apart; give one each, {{{each}}}"
            )
        if given == AUTO and len(sources) not in _BY_COUNT:
            raise ValueError(f"colour_map: auto is for up to three functional sources, there are {', '.join(sources)}")
        names = list(_BY_COUNT[len(sources)]) if given == AUTO else [given]
    else:
        if missing := [source for source in sources if source not in given]:
            raise ValueError(f"colour_map: none for {', '.join(missing)}; give one for each of {', '.join(sources)}")
        names = [given[source] for source in sources]
    for name in names:
        require_colour_map(name)
    return names
