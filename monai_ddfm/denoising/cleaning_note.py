# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What is said to the user of each source: how noisy, of what kind, whether and by how much it was cleaned."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from monai_ddfm.denoising.clean_sources import NoisySource, cleaned_share
from monai_ddfm.denoising.half_quadratic import Schedule
from monai_ddfm.denoising.noise_model import NoiseModel

__all__ = ["CleaningNote"]


@dataclass
class CleaningNote:
    """A note on one source: of all its slices, or of the same source of several pictures.

    Attributes:
        asked: whether it was to be cleaned if noisy.
        noises: its noise in [-1, 1], one for a volume, one for each picture.
        evaluations: the most that were made of a slice.
        changed: sum of the squares of what was changed.
        voxels: number of voxels looked at.
    """

    asked: bool = True
    noises: list[NoiseModel] = field(default_factory=list)
    evaluations: int = 0
    changed: float = 0.0
    voxels: int = 0

    def add(self, source: NoisySource, clean: Tensor, at_most: int) -> None:
        """Count what was changed in some slices.

        Args:
            source: before.
            clean: its slices after, same shape.
            at_most: evaluations a slice.
        """
        if not any(source.noise is known for known in self.noises):
            self.noises.append(source.noise)
        self.voxels += clean.numel()
        if cleaned_share(source.noise) > 0.0:
            self.changed += float((clean - source.slices).square().sum())
            schedule = Schedule.of(source.spectrum(source.slices.shape[-2:]), at_most)
            self.evaluations = max(self.evaluations, len(schedule.sigmas))

    def line(self) -> str:
        """Return the note in one line; percentages are standard deviations, of the range that is fused."""
        if not self.asked or not self.noises:
            return "not cleaned, as was asked" if not self.asked else "nothing to clean"
        noise = max(self.noises, key=lambda noise: noise.std)  # of pictures, the noisiest
        doubt = f" (doubtful: {noise.warning})" if noise.warning and noise.std > 0.0 else ""
        if noise.std == 0.0:
            return f"no measurable noise ({noise.warning or 'too little to be told from anatomy'}): left as it is"
        noisy = f"{noise.kind} noise of {50 * noise.std:.1f} % of the range{doubt}"
        share = cleaned_share(noise)
        if share == 0.0:
            return f"{noisy}: too little to matter, left as it is"
        how = "cleaned" if share == 1.0 else f"cleaned to {100 * share:.0f} %"
        changed = 50 * (self.changed / max(self.voxels, 1)) ** 0.5
        return f"{noisy}: {how}, changed by {changed:.1f} % of the range, {self.evaluations} evaluations a slice"
