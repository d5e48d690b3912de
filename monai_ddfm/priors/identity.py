# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A prior that knows nothing: what it adds to a fusion is nothing."""

from __future__ import annotations

from torch import Tensor

from monai_ddfm.priors.base import DiffusionPrior

__all__ = ["IdentityPrior"]


class IdentityPrior(DiffusionPrior):
    """Returns the noisy image, rescaled, as its estimate of the clean one.

    For tests, and for measuring what a trained prior adds: with it, the sources alone decide.
    """

    def __init__(self, channels: int = 1) -> None:
        super().__init__(channels)

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return ``x``."""
        return x

    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        """Return x_t / √ᾱ_t, clipped to [-1, 1]."""
        signal = self.alphas_cumprod[t if isinstance(t, int) else t.cpu()].sqrt().to(x_t)
        return (x_t / signal.reshape(-1, 1, 1, 1)).clamp(-1.0, 1.0)
