# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What is said to the user of each source: how noisy, of what kind, whether and by how much it was cleaned."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from monai_ddfm.blocks import on_one_thread
from monai_ddfm.denoising.clean_sources import NoisySource
from monai_ddfm.denoising.half_quadratic import Schedule
from monai_ddfm.denoising.noise_model import NoiseModel

__all__ = ["CleaningNote"]


@dataclass
class CleaningNote:
    """A note on one source: of all its slices, or of the same source of several pictures.

    Attributes:
        asked: whether it was to be cleaned if noisy.
        noise: in [-1, 1]; of pictures, of the noisiest.
        share: how much of it was replaced by its cleaned version.
        evaluations: the most that were made of a slice.
        changed: sum of the squares of what was changed.
        voxels: number of voxels looked at.
    """

    asked: bool = True
    noise: NoiseModel | None = None
    share: float = 0.0
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
        if self.noise is None or source.noise.std > self.noise.std:
            self.noise, self.share = source.noise, source.share
        self.voxels += clean.numel()
        if source.share > 0.0:
            change = (clean - source.slices).square()
            self.changed += float(on_one_thread(change.sum, change.device))
            schedule = Schedule.of(source.spectrum(source.slices.shape[-2:]), at_most)
            self.evaluations = max(self.evaluations, len(schedule.sigmas))

    def line(self, uncertainty: bool = False) -> str:
        """Return the note in one line; percentages are standard deviations, of the range that is fused.

        Args:
            uncertainty: whether that map was asked for: say what it knows of this source.
        """
        return f"{self._what_was_done()}; {self._in_uncertainty()}" if uncertainty else self._what_was_done()

    def expected(self) -> str:
        """Return what will be done, before it is."""
        if self.share == 0.0:
            return self._what_was_done()
        assert self.noise is not None
        return f"{self._how_noisy(self.noise)}: will be {self._how_cleaned()}"

    def _in_uncertainty(self) -> str:
        """What the map `uncertainty` says of this source."""
        if self.noise is None or self.noise.std == 0.0:
            return "uncertainty knows of no noise in it and is 0 wherever only such sources have a share"
        if self.share == 0.0:
            return f"uncertainty holds its noise of {50 * self.noise.std:.1f} % by its share"
        return "uncertainty holds what draws of it scatter"

    def _what_was_done(self) -> str:
        noise = self.noise
        if not self.asked:
            return "not cleaned, as was asked"
        if noise is None or noise.std == 0.0:
            why = noise.warning if noise is not None and noise.warning else "none to be told from anatomy"
            return f"no measurable noise ({why}): left as it is"
        noisy = self._how_noisy(noise)
        if self.share == 0.0:
            return f"{noisy}: too little to matter, left as it is"
        changed = 50 * (self.changed / max(self.voxels, 1)) ** 0.5
        how_much = f"changed by {changed:.1f} % of the range, {self.evaluations} evaluations a slice"
        return f"{noisy}: {self._how_cleaned()}, {how_much}"

    def _how_cleaned(self) -> str:
        return "cleaned" if self.share == 1.0 else f"cleaned to {100 * self.share:.0f} %"

    @staticmethod
    def _how_noisy(noise: NoiseModel) -> str:
        doubt = f" (doubtful: {noise.warning})" if noise.warning else ""
        return f"{noise.kind} noise of {50 * noise.std:.1f} % of the range{doubt}"
