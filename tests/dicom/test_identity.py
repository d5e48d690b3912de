# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The identity of a volume must come through MONAI's data loading unchanged."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch

from monai_ddfm.dicom.identity import IDENTITY_KEY, InstanceIdentity, SeriesIdentity


@pytest.fixture
def identity() -> SeriesIdentity:
    instances = tuple(
        InstanceIdentity(
            "1.2.840.10008.5.1.4.1.1.4",
            f"1.2.3.{k}",
            f"/data/{k}.dcm",
            k if k else None,
            (0.1, -2.5, 3.0 * k),
            (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        )
        for k in range(5)
    )
    return SeriesIdentity("p", "1.2", "1.2.3", "1.9", "MR", "T1 öäü", instances)


def test_json_round_trip(identity: SeriesIdentity) -> None:
    assert SeriesIdentity.from_json(identity.to_json()) == identity
    assert pickle.loads(pickle.dumps(identity)) == identity


def test_volume_without_identity() -> None:
    assert SeriesIdentity.from_meta({"affine": np.eye(4)}) is None


@pytest.mark.parametrize("num_workers", [0, 1])
def test_through_data_loader(identity: SeriesIdentity, num_workers: int) -> None:
    volume = MetaTensor(torch.rand(1, 4, 4, 5), meta={IDENTITY_KEY: identity.to_json()})
    loader = DataLoader(Dataset([{"image": volume}]), batch_size=1, num_workers=num_workers)
    batch = next(iter(loader))
    assert SeriesIdentity.from_meta(decollate_batch(batch)[0]["image"].meta) == identity
