# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which noise levels a training batch sees, and what the network must predict there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.engines import DiffusionPrepareBatch
from monai.inferers import DiffusionInferer
from torch import Tensor, nn

__all__ = ["FocusedPrepareBatch", "MixedPrecisionDiffusionInferer"]


class FocusedPrepareBatch(DiffusionPrepareBatch):
    """Draw timesteps with an emphasis on those at which fusion asks the prior.

    Fusion starts from the sources, not from pure noise, so small noise levels matter most. Within a batch the draws are
    stratified (one in each of B equal parts of the distribution), which makes the loss less noisy. Noise and timesteps
    follow from `seed` and the number of the batch's first crop (``number``, see `CropDataset`), so that a resumed
    training draws what the uninterrupted one would have drawn.

    Args:
        scheduler: MONAI noise scheduler; gives the number of timesteps and the velocity.
        focus: first and last timestep of the emphasised range.
        focus_share: share of the batch drawn from `focus`; the rest is uniform over all timesteps.
        focus_law: how `focus` is drawn from: ``uniform`` in t, or ``log_sigma``, uniform in the logarithm of
            σ = √((1 - ᾱ_t) / ᾱ_t): as much between σ and 2 σ everywhere, for solvers that ask at falling σ.
        prediction_type: ``epsilon``, ``v_prediction`` or ``sample``: the target of the loss.
        seed: of noise and timesteps.
        noises_per_crop: how often each crop is in the batch, each time with other noise at another timestep; more than
            one where cutting crops is slower than the network.

    Raises:
        ValueError: a range outside the schedule, a share outside [0, 1], an unknown law or prediction type, or no
            noise for a crop.
    """

    def __init__(
        self,
        scheduler: Any,
        focus: Sequence[int] = (0, 200),
        focus_share: float = 0.0,
        focus_law: str = "uniform",
        prediction_type: str = "epsilon",
        seed: int = 0,
        noises_per_crop: int = 1,
    ) -> None:
        super().__init__(num_train_timesteps=int(scheduler.num_train_timesteps))
        if not 0 <= focus[0] < focus[1] < self.num_train_timesteps:
            raise ValueError(f"focus must be two rising timesteps below {self.num_train_timesteps}, got {list(focus)}")
        if not 0.0 <= focus_share <= 1.0:
            raise ValueError(f"focus_share must be in [0, 1], got {focus_share}")
        if focus_law not in ("uniform", "log_sigma"):
            raise ValueError(f"focus_law must be uniform or log_sigma, got {focus_law!r}")
        if prediction_type not in ("epsilon", "v_prediction", "sample"):
            raise ValueError(f"prediction_type must be epsilon, v_prediction or sample, got {prediction_type!r}")
        if noises_per_crop < 1:
            raise ValueError(f"noises_per_crop must be at least 1, got {noises_per_crop}")
        self.scheduler = scheduler
        self.focus = (int(focus[0]), int(focus[1]))
        self.focus_share = focus_share
        self.focus_law = focus_law
        self.prediction_type = prediction_type
        self.seed = seed
        self.noises_per_crop = noises_per_crop
        self.generator = torch.Generator()

    def __call__(self, batchdata: dict[str, Tensor], *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, tuple, dict]:
        """Return images, targets, no further arguments, and ``noise`` and ``timesteps`` for the inferer."""
        drawn = np.random.SeedSequence((self.seed, int(batchdata["number"][0]))).generate_state(1)
        self.generator.manual_seed(int(drawn[0]))
        repeated = {**batchdata, "image": batchdata["image"].repeat(self.noises_per_crop, 1, 1, 1)}
        prepared: tuple[Tensor, Tensor, tuple, dict] = super().__call__(repeated, *args, **kwargs)
        return prepared

    def get_noise(self, images: Tensor) -> Tensor:
        """Return standard normal noise, drawn on the device of the images."""
        if images.device.type == "cpu":
            return torch.randn(images.shape, generator=self.generator)
        there = torch.Generator(images.device).manual_seed(self.generator.initial_seed())
        return torch.randn(images.shape, generator=there, device=images.device)

    def get_timesteps(self, images: Tensor) -> Tensor:
        """Return one timestep an image, ``[B]``."""
        count = images.shape[0]
        strata = torch.randperm(count, generator=self.generator) + torch.rand(count, generator=self.generator)
        strata = strata / count
        inside = self._focused((strata / max(self.focus_share, 1e-9)).clamp(max=1.0))
        outside = (strata - self.focus_share) / max(1.0 - self.focus_share, 1e-9) * self.num_train_timesteps
        drawn = torch.where(strata < self.focus_share, inside, outside).long()
        return drawn.clamp(0, self.num_train_timesteps - 1).to(images.device)

    def _focused(self, place: Tensor) -> Tensor:
        """Map places in [0, 1] to timesteps of the emphasised range, not yet whole numbers."""
        first, last = self.focus
        if self.focus_law == "uniform":
            return first + place * (last + 1 - first)
        alphas = self.scheduler.alphas_cumprod[first : last + 1].double().cpu()
        levels = 0.5 * torch.log(1.0 / alphas - 1.0)
        edges = (levels[1:] + levels[:-1]) / 2.0  # a level is drawn where it is the nearest
        return first + torch.searchsorted(edges, torch.lerp(levels[0], levels[-1], place.double()))

    def get_target(self, images: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return what the network should say."""
        if self.prediction_type == "epsilon":
            return noise
        if self.prediction_type == "sample":
            return images
        velocity: Tensor = self.scheduler.get_velocity(images, noise, timesteps)
        return velocity


class MixedPrecisionDiffusionInferer(DiffusionInferer):
    """MONAI's `DiffusionInferer` for a `monai_ddfm` prior, under autocast on whatever device the images are.

    Args:
        scheduler: MONAI noise scheduler.
        dtype: autocast type, ``bfloat16`` or ``float16``; None for full precision.
    """

    def __init__(self, scheduler: Any, dtype: str | None = "bfloat16") -> None:
        super().__init__(scheduler)
        self.dtype = None if dtype is None else getattr(torch, dtype)

    def __call__(self, inputs: Tensor, diffusion_model: nn.Module, noise: Tensor, timesteps: Tensor) -> Tensor:  # type: ignore[override]
        """Return the network's prediction for `inputs` noised to `timesteps`, in float32."""
        noisy = self.scheduler.add_noise(original_samples=inputs, noise=noise, timesteps=timesteps)
        with torch.autocast(inputs.device.type, dtype=self.dtype, enabled=self.dtype is not None):
            prediction: Tensor = diffusion_model(noisy, timesteps)
        return prediction.float()
