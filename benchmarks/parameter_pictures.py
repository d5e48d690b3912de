# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Pictures for the documentation: one slice of the shipped patient by setting and by preset.

    python benchmarks/parameter_pictures.py [--settings [NAME...]] [--presets]

Writes docs/pictures/parameters/NAME.png and docs/pictures/presets.png. A setting that no picture can show (where files
go, what it is computed with) has none.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import matplotlib
import nibabel
import numpy as np

from monai_ddfm.__main__ import main
from monai_ddfm.bundle import BUNDLE_ROOT, preset_names
from monai_ddfm.maps import MAPS

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # the backend comes first

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
EXAMPLE = BUNDLE_ROOT / "example" / "sts_010"
SLICES = slice(26, 32)  # a slab through the tumour
NOISE = 0.12  # of the range, added for settings that only noisy sources show


class Shown(NamedTuple):
    """How a setting is shown.

    Attributes:
        values: the values it takes, from left to right.
        sources: the sources fused, anchor first.
        colour: look at the colour picture.
        noisy: with white noise added to the anchor.
        others: further settings.
    """

    values: tuple[Any, ...]
    sources: tuple[str, ...] = ("MR", "PET")
    colour: bool = False
    noisy: bool = False
    others: Mapping[str, Any] = {}


_NOISY: dict[str, Any] = {"noisy": True}
_COLOUR: dict[str, Any] = {"colour": True}
# where every step shows: the paper's rectifier from pure noise
_SAMPLED: dict[str, Any] = {"others": {"rectifier": "em", "start": "noise", "start_timestep": 999, "steps": 20}}
SHOWN: Mapping[str, Shown] = {
    "anchor": Shown(("MR", "PET", "CT"), ("MR", "PET", "CT")),
    "sources": Shown((["PET"], ["CT"], ["PET", "CT"]), ("MR", "PET", "CT")),
    "spacing": Shown((None, [2.0], [4.0])),
    "interpolation": Shown(("nearest", "bilinear", 3)),
    "ct_window": Shown(([-100, 900], [-160, 240], [-1000, 1000]), ("MR", "CT")),
    "mr_percentiles": Shown(([0.5, 99.5], [5, 95], [20, 80])),
    "uptake_percentile": Shown((99.9, 99.0, 95.0)),
    "windows": Shown(({}, {"MR": [0, 400]}, {"PET": [0, 2]})),
    "denoise_sources": Shown((True, False), **_NOISY),
    "noise": Shown(({}, {"MR": 10.0}, {"MR": 60.0}), **_NOISY),
    "cleaning_steps": Shown((1, 2, 4), **_NOISY),
    "rectifier": Shown(("structure", "em", "highlight")),
    "rectifier_options": Shown(
        ({}, {"fairness": 0.0, "edge_fairness": 0.0}, {"base_layer_gain": 0.3}, {"sharpness": 0.0})
    ),
    "spatial_dims": Shown((3, 2)),
    "steps": Shown((2, 10, 50), **_SAMPLED),
    "start_timestep": Shown((50, 150, 600), others={"rectifier": "em", "steps": 20}),
    "eta": Shown((0.0, 1.0), **_SAMPLED),
    "seed": Shown((0, 1), **_SAMPLED),
    "sampler": Shown(("ddim", "ddpm", "dpm_solver"), **_SAMPLED),
    "maps": Shown(tuple([name] for name in MAPS), noisy=True),
    "colour_map": Shown(("auto", "hot_iron", "pet_20_step", "red"), **_COLOUR),
    "colour_blend": Shown(("perceptual", "linear_opacity", "threshold", "luminance"), **_COLOUR),
    "colour_threshold": Shown((0.0, 0.05, 0.3), **_COLOUR),
    "colour_opacity": Shown((1.0, 0.5, 0.2), **_COLOUR),
    "functional": Shown((["auto"], None), **_COLOUR),
}


def write_example(folder: Path, keys: tuple[str, ...], noisy: bool) -> list[Path]:
    """Write the shipped patient's slab, with noise in the first source where it is asked for; returns the files."""
    paths = []
    for key in keys:
        image = nibabel.load(next(EXAMPLE.glob(f"{key}*.nii.gz"))).slicer[..., SLICES]
        values = image.get_fdata()
        if noisy and key == keys[0]:
            level = NOISE / 2 * np.quantile(values[values > 0], 0.99)
            values += level * np.random.default_rng(0).standard_normal(values.shape)
        paths.append(folder / f"{key}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), image.affine), paths[-1])
    return paths


def picture(shown: Shown, settings: Mapping[str, Any], preset: str | None = None) -> np.ndarray:
    """The middle slice of a fusion by the command, ``[H, W]`` or RGB ``[H, W, 3]``."""
    keys = list(settings.get("sources", shown.sources[1:]))
    anchor = settings.get("anchor", shown.sources[0])
    keys = [anchor, *(key for key in (*shown.sources[:1], *keys) if key != anchor)]
    command = {name: value for name, value in settings.items() if name not in ("anchor", "sources")}
    with TemporaryDirectory() as folder:
        files = write_example(Path(folder), keys, shown.noisy)
        words = ["fuse", *map(str, files), "-o", f"{folder}/case.nii.gz", "-q", "--set", "progress", "false"]
        words += [] if preset is None else ["--preset", preset]
        for name, value in command.items():
            words += ["--set", name, json.dumps(value)]
        if main(words):
            raise SystemExit(f"no picture of {settings}: see the error above")
        name = settings["maps"][0] if "maps" in settings else "colour" if shown.colour else ""
        slab = np.asarray(
            nibabel.load(
                result if (result := Path(folder, f"case_{name}.nii.gz")).exists() else f"{folder}/case.nii.gz"
            ).dataobj
        )
    middle = slab[:, :, slab.shape[2] // 2]
    if middle.dtype.fields:  # NIfTI's RGB
        middle = np.stack([middle[channel] for channel in "RGB"], axis=-1)
    elif middle.ndim == 3:  # shares of several sources: the anchor's
        middle = middle[..., 0]
    return np.rot90(middle)


def strip(pictures: Mapping[str, np.ndarray], path: Path) -> None:
    """Write pictures side by side under their words, each from its 0.5th to its 99.5th percentile."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(2.4 * len(pictures), 2.8), squeeze=False)
    for axis, (words, image) in zip(axes[0], pictures.items(), strict=True):
        low, high = np.quantile(image, (0.005, 0.995))
        axis.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
        axis.set_title(words, fontsize=8)
        axis.axis("off")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=75)
    plt.close(figure)


def picture_setting(name: str) -> None:
    """Write the picture of one setting."""
    shown = SHOWN[name]
    pictures = {f"{json.dumps(value)}": picture(shown, {**shown.others, name: value}) for value in shown.values}
    strip(
        {words.replace('", "', '",\n"').replace(", ", ",\n"): image for words, image in pictures.items()},
        PICTURES / "parameters" / f"{name}.png",
    )


def picture_presets() -> None:
    """Write one slice through every preset for MRI and PET."""
    default = Shown(())
    names = [name for name in preset_names() if name.split("_")[0] not in ("mri", "pet") or name == "mri_pet"]
    strip({name: picture(default, {}, name) for name in names}, PICTURES / "presets.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="*", choices=list(SHOWN), metavar="NAME", help="all when none is named")
    parser.add_argument("--presets", action="store_true")
    options = parser.parse_args()
    for setting in (options.settings or SHOWN) if options.settings is not None else ():
        picture_setting(setting)
    if options.presets:
        picture_presets()
