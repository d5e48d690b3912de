# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import torch
from matplotlib import colormaps

from monai_ddfm.transforms import PaintProvenance, PaintProvenanced


def test_shares_mix_the_sources_colours() -> None:
    shares = torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]).view(2, 3, 1, 1)
    painted = PaintProvenanced("provenance")({"provenance": shares, "pred": torch.ones(1, 3, 1, 1)})["painted"]
    first, second = (torch.tensor(colour) for colour in colormaps["Dark2"].colors[:2])
    torch.testing.assert_close(painted[:, 0, 0, 0], first)
    torch.testing.assert_close(painted[:, 1, 0, 0], second)
    torch.testing.assert_close(painted[:, 2, 0, 0], (first + second) / 2)


def test_background_is_dark_and_no_map_is_no_picture() -> None:
    data = {"provenance": torch.full((3, 2, 2, 2), 1 / 3), "pred": torch.full((1, 2, 2, 2), -1.0)}
    assert PaintProvenanced("provenance")(data)["painted"].abs().max() == 0
    assert "painted" not in PaintProvenanced("provenance", allow_missing_keys=True)({"pred": data["pred"]})


def test_array_form_paints_the_same() -> None:
    data = {"provenance": torch.rand(2, 3, 3, 2).softmax(0), "pred": torch.rand(1, 3, 3, 2) * 2 - 1}
    painted = PaintProvenance("Set1")(data["provenance"], data["pred"])
    assert torch.equal(painted, PaintProvenanced("provenance", palette="Set1")(data)["painted"])
