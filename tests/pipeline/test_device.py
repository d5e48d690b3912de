# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch

from monai_ddfm.pipeline.device import available_device


def test_the_cpu_is_always_there():
    assert available_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("device", ["cuda:99", torch.device("cuda", 99)])
def test_a_gpu_that_is_not_there_is_named(device):
    with pytest.raises(ValueError, match=r"cuda:99: there is no such GPU.*--device cpu"):
        available_device(str(device))


def test_what_is_no_device_is_named():
    with pytest.raises(ValueError, match="device: found 'gpu', expected auto, cpu"):
        available_device("gpu")


def test_auto_takes_what_there_is():
    assert available_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
