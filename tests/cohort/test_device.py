# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch

from monai_ddfm.cohort import local_device, threads_per_process


def test_threads_are_shared_between_the_processes_of_a_machine(monkeypatch):
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    alone = threads_per_process()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert threads_per_process() == max(1, alone // 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "100000")
    assert threads_per_process() == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without GPUs")
def test_processes_share_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert local_device() == torch.device("cpu")


@pytest.mark.gpu
def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", str(torch.cuda.device_count()))
    with pytest.raises(ValueError, match="start at most --nproc_per_node"):
        local_device()
