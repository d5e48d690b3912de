# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What many tests share: a small prior, where the test files stand, a small real case, devices, untimed properties."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from hypothesis import settings

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.priors import UNetPrior
from tests.tiny_unet import tiny_unet, write_tiny_prior

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
settings.load_profile("untimed")

EXAMPLE = BUNDLE_ROOT / "example" / "sts_010"


def pytest_configure() -> None:
    """Test processes beside each other share the cores, and so do the commands that they start."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        threads = max(1, (os.cpu_count() or 1) // processes)
        torch.set_num_threads(threads)
        os.environ["OMP_NUM_THREADS"] = str(threads)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture
def threads_restored() -> Iterator[None]:
    """What a test does to the number of torch's threads ends with it."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def tiny_prior() -> UNetPrior:
    """A grayscale prior for images whose sides are multiples of 4."""
    return UNetPrior(tiny_unet())


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights file of such a prior."""
    return write_tiny_prior(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(scope="session")
def example_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped MR and PET of one patient, thinned to 46 x 46 x 4 and 34 x 31 x 4 voxels: a folder of one case.

    They keep their two grids; every third voxel of the MR is kept, and four slices 15 apart of both.
    """
    folder = tmp_path_factory.mktemp("example") / "sts_010"
    folder.mkdir()
    for name, stride in (("MR_T1.nii.gz", 3), ("PET.nii.gz", 1)):
        image = nibabel.load(EXAMPLE / name)
        thinned = image.slicer[::stride, ::stride, 10::15]
        nibabel.save(nibabel.Nifti1Image(np.asarray(thinned.dataobj), thinned.affine), folder / name)
    return folder
