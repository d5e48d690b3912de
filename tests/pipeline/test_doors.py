# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The same files and settings give the same voxels, to the bit, through every door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from monai.bundle import create_workflow
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged
from PIL import Image

from monai_ddfm.__main__ import main
from monai_ddfm.bundle import BUNDLE_ROOT, config_files
from monai_ddfm.cohort.ray_driver import fuse_case
from monai_ddfm.pipeline import FuseDDFM, FuseDDFMd, FusionConfig, FusionPipeline
from monai_ddfm.transforms import ReadSource
from tests.volumes import save_nifti

KEYS = ["MR", "PET"]
SETTINGS: dict[str, Any] = {"seed": 3, "device": "cpu", "progress": False}


def _body(shape: tuple[int, ...], noise: float, seed: int) -> np.ndarray:
    """A body with waves in it, in arbitrary units; noise is a share of its range."""
    generator = np.random.default_rng(seed)
    grid = np.meshgrid(*(np.linspace(-1.0, 1.0, size) for size in shape), indexing="ij")
    inside = sum(axis**2 for axis in grid) < 0.8
    waves = 1.0 + 0.5 * np.sin((5 + seed) * grid[0]) * np.cos((7 - seed) * grid[1])
    noisy = inside * (waves + 1.5 * noise * generator.standard_normal(shape))
    return (400.0 * noisy.clip(0.0)).astype(np.float32)


def _volumes(folder: Path, shape: tuple[int, ...], spacing: tuple[float, ...], noise: float) -> None:
    save_nifti(folder / "MR.nii.gz", _body(shape, noise, 0), np.diag([*spacing, 1.0]))
    coarse = tuple(max(4, size * 2 // 3) for size in shape)
    scale = [step * size / small for step, size, small in zip(spacing, shape, coarse, strict=True)]
    save_nifti(folder / "PET.nii.gz", _body(coarse, noise, 1), np.diag([*scale, 1.0]))


def _pictures(folder: Path, noise: float) -> None:
    for seed, key in enumerate(KEYS):
        Image.fromarray((_body((44, 36), noise, seed) / 4).clip(0, 255).astype(np.uint8)).save(folder / f"{key}.png")


CASES: dict[str, Callable[[Path], None]] = {
    "thick slices": lambda folder: _volumes(folder, (36, 32, 5), (1.0, 1.0, 4.0), 0.0),
    "thick noisy slices": lambda folder: _volumes(folder, (36, 32, 5), (1.0, 1.0, 4.0), 0.15),
    "cubic voxels": lambda folder: _volumes(folder, (24, 22, 20), (1.0, 1.0, 1.0), 0.0),
    "noisy cubic voxels": lambda folder: _volumes(folder, (24, 22, 20), (1.0, 1.0, 1.0), 0.15),
    "pictures": lambda folder: _pictures(folder, 0.0),
    "noisy pictures": lambda folder: _pictures(folder, 0.15),
}


def _read(folder: Path, stem: str) -> np.ndarray:
    """The fused image as it was written, ``[H, W, D]`` or ``[H, W]``."""
    (path,) = [path for path in folder.glob(f"{stem}.*") if path.suffix in (".gz", ".png")]
    if path.suffix == ".png":
        return np.asarray(Image.open(path).convert("L")).T
    return np.asarray(nibabel.load(path).dataobj)


def _command(files: dict[str, str], folder: Path, settings: dict[str, Any]) -> np.ndarray:
    words = [word for name, value in settings.items() for word in ("--set", name, str(value).lower())]
    words[words.index("weights") + 1] = settings["weights"]
    assert main(["fuse", *files.values(), "-o", str(folder), "--modalities", "MR", "PT", *words]) == 0
    return _read(folder, "MR_fused")


def _bundle(files: dict[str, str], folder: Path, settings: dict[str, Any]) -> np.ndarray:
    extension = {"output_extension": ".png"} if files["MR"].endswith(".png") else {}
    running = create_workflow(
        config_file=config_files(),
        meta_file=str(BUNDLE_ROOT / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="inference",
        dataset_dir=str(Path(files["MR"]).parent),
        output_dir=str(folder),
        **settings,
        **extension,
    )
    running.run()
    running.finalize()
    return _read(folder, "case_fused")


def _ray_task(files: dict[str, str], folder: Path, settings: dict[str, Any]) -> np.ndarray:
    extension = {"output_extension": ".png"} if files["MR"].endswith(".png") else {}
    fuse_case(FusionConfig.of(output_dir=folder, **settings, **extension), {"case": "case", **files})
    return _read(folder, "case_fused")


def _transform_of_paths(files: dict[str, str], folder: Path, settings: dict[str, Any]) -> np.ndarray:
    return FuseDDFMd(KEYS, **settings)(files)["fused"][0].numpy()


def _transform_of_images(files: dict[str, str], folder: Path, settings: dict[str, Any]) -> np.ndarray:
    """In a chain, after MONAI's own loading."""
    load = [] if files["MR"].endswith(".png") else [LoadImaged(KEYS), EnsureChannelFirstd(KEYS)]
    return Compose([*load, FuseDDFMd(KEYS, **settings)])(files)["fused"][0].numpy()


def _array_transform(files: dict[str, str], folder: Path, settings: dict[str, Any]) -> np.ndarray:
    images = [ReadSource()(path) for path in files.values()]
    return FuseDDFM(KEYS, **settings)(images)[0].numpy()


def _inferer(files: dict[str, str], folder: Path, settings: dict[str, Any]) -> np.ndarray:
    """MONAI's three parts one by one, as a server of models calls them, on images in memory."""
    workflow = create_workflow(
        config_file=config_files(), meta_file=None, logging_file=False, workflow_type="inference", **settings
    )
    parts = {name: workflow.parser.get_parsed_content(name) for name in ("preprocessing", "inferer", "pipeline")}
    images = {key: ReadSource()(path) for key, path in files.items()}
    ready = parts["preprocessing"](images)
    fused = parts["inferer"](ready["image"][None], parts["pipeline"].prior)
    restored = parts["pipeline"].postprocessing({**ready, "pred": fused[0]})
    return restored["pred"][0].numpy()


DOORS = [_bundle, _ray_task, _transform_of_paths, _transform_of_images, _array_transform, _inferer]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    return {**SETTINGS, "weights": str(BUNDLE_ROOT / "models" / "prior.safetensors")}


@pytest.mark.parametrize("case", CASES)
def test_the_same_voxels_through_every_door(case: str, tmp_path: Path, shipped: dict[str, Any]) -> None:
    (tmp_path / "case").mkdir()
    CASES[case](tmp_path / "case")
    files = {key: str(path) for key in KEYS for path in (tmp_path / "case").glob(f"{key}.*")}
    expected = _command(files, tmp_path / "command", shipped)
    assert expected.std() > 1.0
    for door in DOORS:
        fused = door(files, tmp_path / door.__name__, shipped)
        if expected.dtype == np.uint8 and fused.dtype != np.uint8:
            fused = fused[..., 0].round().clip(0, 255).astype(np.uint8)  # a picture is a volume of one slice
        np.testing.assert_array_equal(fused, expected, err_msg=door.__name__)


def test_the_noisy_cases_ask_the_prior(tmp_path: Path, shipped: dict[str, Any]) -> None:
    """Otherwise the doors would only have been compared where the prior is at rest."""
    CASES["noisy cubic voxels"](tmp_path)
    pipeline = FusionPipeline(FusionConfig.of(**shipped))
    asked: list[int] = []
    pipeline.prior.network.register_forward_pre_hook(lambda module, inputs: asked.append(len(inputs[0])))
    pipeline.fuse({key: tmp_path / f"{key}.nii.gz" for key in KEYS})
    assert asked
