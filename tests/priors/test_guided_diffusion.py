# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""OpenAI's checkpoints against an independent forward pass on the same weights.

`adm_reference.adm_forward` reproduces the outputs of OpenAI's own code on a checkpoint of theirs to the last bit.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from monai_ddfm.priors import GuidedDiffusionPrior, linear_alphas_cumprod, open_prior
from monai_ddfm.priors.guided_diffusion_weights import cosine_alphas_cumprod
from tests.priors.adm_reference import adm_forward, random_adm

pytest.importorskip("diffusers")

TINY = {"widths": [32, 32, 64], "blocks": 1, "attended": [False, True, True]}
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "head channels": (TINY, {"num_head_channels": 16}, {"heads": 16}),
    "two blocks, one head width a level": (
        {"widths": [32, 64], "blocks": 2, "attended": [False, True]},
        {"num_heads": 4},
        {"heads": -4},
    ),
    "new attention order": (
        TINY,
        {"num_head_channels": 16, "new_attention_order": True},
        {"heads": 16, "new_order": True},
    ),
    "first level half as wide": (TINY | {"model_channels": 64}, {"num_head_channels": 16}, {"heads": 16}),
    "class label": (TINY | {"classes": 5}, {"num_head_channels": 16, "class_label": 3}, {"heads": 16, "label": 3}),
}


def noisy(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, 16, 16, generator=generator), torch.tensor([7, 640])


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_equals_the_reference(tmp_path: Path, variant: str) -> None:
    shape, options, layout = VARIANTS[variant]
    state = random_adm(**shape)
    torch.save(state, tmp_path / "adm.pt")
    prior = GuidedDiffusionPrior(tmp_path / "adm.pt", **options)
    x, t = noisy()
    with torch.no_grad():
        output = prior(x, t)
    expected = adm_forward(state, x, t, **layout)
    assert output.shape == (2, 6, 16, 16)
    assert (output - expected).norm() / expected.norm() < 1e-5


def test_learned_range_is_ignored(tmp_path: Path) -> None:
    state = random_adm(**TINY)
    torch.save(state, tmp_path / "adm.pt")
    prior = GuidedDiffusionPrior(tmp_path / "adm.pt", num_head_channels=16)
    x, _ = noisy()
    alpha = float(linear_alphas_cumprod()[100])
    epsilon = adm_forward(state, x, torch.tensor([100, 100]), 16)[:, :3]
    expected = ((x - (1 - alpha) ** 0.5 * epsilon) / alpha**0.5).clamp(-1, 1)
    with torch.no_grad():
        torch.testing.assert_close(prior.predict_x0(x, 100), expected, atol=1e-4, rtol=1e-4)
    assert prior.channels == 3 and prior.spatial_multiple == 4


def test_without_label_the_mean_of_the_classes(tmp_path: Path) -> None:
    state = random_adm(**TINY, classes=5)
    torch.save(state, tmp_path / "adm.pt")
    state["label_emb.weight"] = state["label_emb.weight"].mean(0, keepdim=True)
    x, t = noisy()
    with torch.no_grad():
        output = GuidedDiffusionPrior(tmp_path / "adm.pt", num_head_channels=16)(x, t)
    expected = adm_forward(state, x, t, 16, label=0)
    assert (output - expected).norm() / expected.norm() < 1e-5


def test_cosine_schedule() -> None:
    schedule = cosine_alphas_cumprod(1000)
    t = torch.arange(1, 999, dtype=torch.float64)
    ideal = torch.cos((t / 1000 + 0.008) / 1.008 * torch.pi / 2) ** 2
    ideal = ideal / torch.cos(torch.tensor(0.008 / 1.008 * torch.pi / 2, dtype=torch.float64)) ** 2
    torch.testing.assert_close(schedule[:998], ideal)
    assert schedule.diff().lt(0).all() and schedule[-1] > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {"conv_in.weight": torch.zeros(2)}, "not a guided-diffusion checkpoint, its first keys are conv_in"),
        (lambda s: s | {"extra_head.weight": torch.zeros(1)}, "1 keys have no place in the network: extra_head"),
        (lambda s: {k: v for k, v in s.items() if k != "out.2.bias"}, "1 missing .conv_out.bias"),
        (lambda s: s | {"middle_block.0.out_layers.0.weight": torch.ones(128)}, "use_scale_shift_norm"),
        (lambda s: s | {"out.0.weight": torch.ones(7)}, "of another shape .conv_norm_out"),
    ],
)
def test_wrong_checkpoints(tmp_path: Path, change: Any, words: str) -> None:
    torch.save(change(random_adm(**TINY)), tmp_path / "adm.pt")
    with pytest.raises(ValueError, match=rf"(?s)adm\.pt.*{words}"):
        GuidedDiffusionPrior(tmp_path / "adm.pt", num_head_channels=16)


def test_heads_that_do_not_fit(tmp_path: Path) -> None:
    torch.save(random_adm(**TINY), tmp_path / "adm.pt")
    with pytest.raises(ValueError, match="32 channels cannot be cut into heads of 64 channels; give num_head_channels"):
        GuidedDiffusionPrior(tmp_path / "adm.pt")


def test_an_unconverted_checkpoint_is_no_prior_file(tmp_path: Path) -> None:
    torch.save(random_adm(**TINY), tmp_path / "adm.pt")
    with pytest.raises(ValueError, match="convert-prior"):
        open_prior(tmp_path / "adm.pt")


def test_checksum(tmp_path: Path) -> None:
    torch.save(random_adm(**TINY), tmp_path / "adm.pt")
    sha256 = hashlib.sha256((tmp_path / "adm.pt").read_bytes()).hexdigest()
    assert GuidedDiffusionPrior(tmp_path / "adm.pt", num_head_channels=16, sha256=sha256.upper()).channels == 3
    with pytest.raises(ValueError, match=rf"adm\.pt: has SHA-256 {sha256} instead of 0000; download it again"):
        GuidedDiffusionPrior(tmp_path / "adm.pt", num_head_channels=16, sha256="0000")
