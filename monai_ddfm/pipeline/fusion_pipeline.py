# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What is built from the description of a fusion: the one builder behind every door."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from monai.transforms import Compose

from monai_ddfm import __version__
from monai_ddfm.errors import reason_of
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.pipeline.config import NOT_IN_KEY, FusionConfig
from monai_ddfm.pipeline.describe import describe
from monai_ddfm.pipeline.device import available_device, threads_at_work
from monai_ddfm.pipeline.names import FUSED, IMAGE
from monai_ddfm.pipeline.steps import make_postprocessing, make_preprocessing, make_writing
from monai_ddfm.priors import DiffusionPrior, UNetPrior, open_prior
from monai_ddfm.rectifiers import RECTIFIERS, Rectifier
from monai_ddfm.transforms.apply_affine import split_inverse
from monai_ddfm.transforms.argument_repr import SECRETS

__all__ = ["FusionPipeline"]


class FusionPipeline:
    """A fusion, ready to run.

    Args:
        config: its description.
        prior: in place of the one that ``config.execution.weights`` names.
        rectifier: in place of the one that ``config.likelihood`` describes.
        inferer: in place of the one that all of `config` describes.

    Attributes:
        keys: the anchor and the other sources.
        device: where the network computes.
        preprocessing: from files or images in memory to the sources in [-1, 1].
        inferer: fuses them.
        postprocessing: from its answer to the fused image in the anchor's units, and its maps.

    Raises:
        ValueError: settings that do not go together, or a device that is not there.
    """

    def __init__(
        self,
        config: FusionConfig,
        prior: DiffusionPrior | None = None,
        rectifier: Rectifier[Any] | None = None,
        inferer: DDFMInferer | None = None,
    ) -> None:
        self.config = config
        self.keys = list(config.inputs.keys)
        self.device = available_device(config.execution.device)
        self.rectifier = rectifier if rectifier is not None else _make_rectifier(config)
        self.inferer = inferer if inferer is not None else _make_inferer(config, self.rectifier)
        self.preprocessing: Compose = make_preprocessing(config, self.reach, self.device)
        self.postprocessing: Compose = make_postprocessing(config)
        self._prior, self._own_inferer = prior, inferer

    @property
    def reach(self) -> int:
        """Slices on either side that a fused slice depends on."""
        return self.rectifier.reach() if self.rectifier.spatial_dims == 3 else 0

    @cached_property
    def prior(self) -> DiffusionPrior:
        """The prior, on its device; its weights are read when it is first asked for.

        Raises:
            FileNotFoundError, MemoryError, ValueError: see `open_prior`; also a network that was never trained.
        """
        prior = self._prior
        if prior is None:
            prior = self._opened_prior()
        if isinstance(prior, UNetPrior) and prior.is_untrained:
            raise ValueError(
                "network_def: UNetPrior has weights null and an untrained network, which answers zero to everything; "
                "give its weights, or leave network_def out for the shipped prior"
            )
        return prior.eval().to(self.device)

    def _opened_prior(self) -> DiffusionPrior:
        execution = self.config.execution
        try:
            return open_prior(execution.weights, execution.compile_mode, execution.trust_torchscript)
        except MemoryError as error:
            raise MemoryError(
                f"{execution.weights or 'the shipped weights'}: not enough memory to load them; run fewer processes at "
                "once, or use a machine with more memory"
            ) from error

    @cached_property
    def made_with(self) -> dict[str, Any]:
        """What a result is made with, the sources apart, as plain JSON: every setting but `NOT_IN_KEY`, the prior."""
        settings = {name: value for name, value in self.config.settings().items() if name not in NOT_IN_KEY}
        settings["transforms"] = self._transforms  # what the files hold, wherever they stand
        return {"version": __version__, "settings": settings, "parts": self._parts()}

    @cached_property
    def _transforms(self) -> dict[str, str]:
        """The digests of the transforms' files by source, marked where they are taken the other way round."""
        given = {key: split_inverse(text) for key, text in self.config.inputs.transforms.items()}
        return {
            key: hashlib.sha256(path.read_bytes()).hexdigest() + " inverted" * inverted
            for key, (path, inverted) in given.items()
        }

    def _parts(self) -> dict[str, Any]:
        """What the settings do not say: the prior's weights and schedule, the rectifier's parameters."""
        parts = {"prior": self.prior.fingerprint(), "rectifier": describe(self.rectifier)}
        return parts if self._own_inferer is None else {**parts, "inferer": describe(self._own_inferer)}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `made_with`."""
        return hashlib.sha256(json.dumps(self.made_with, sort_keys=True).encode()).hexdigest()

    @cached_property
    def record(self) -> dict[str, Any]:
        """What a person may read of `made_with`, and the settings that change nothing: without secrets."""
        settings = {name: value for name, value in self.config.settings().items() if name not in SECRETS}
        record = {"version": __version__, "settings": settings, "parts": self._parts()}
        return {**record, "transforms": self._transforms} if self._transforms else record

    @cached_property
    def writing(self) -> Compose:
        """From the inferer's answer to the files of a case."""
        return make_writing(self.config, self.digest)

    def fuse(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Fuse a case in memory.

        Args:
            data: ``{key: path or image [C, H, W(, D)]}`` for every key of `keys`.

        Returns:
            the data, its sources normalised, with the fused image ``pred`` ``[1, H, W, D]`` in the anchor's units and
            the maps that were asked for, all on the CPU.

        Raises:
            ValueError: a source that cannot be fused; see the transforms of `preprocessing`.
        """
        try:
            with threads_at_work(self.config.execution.threads):
                ready = self.preprocess(data)
                fused = self.inferer(ready[IMAGE][None].to(self.device), self.prior)
                return self.postprocessing({**ready, FUSED: fused[0].cpu()})
        except RuntimeError as error:  # MONAI's "applying transform ..." around the reason
            raise reason_of(error) from None

    def preprocess(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return a case as `fuse` hands it to the inferer; errors are those of its sources."""
        try:
            ready: dict[str, Any] = self.preprocessing(dict(data))
            return ready
        except RuntimeError as error:
            raise reason_of(error) from None


def _make_rectifier(config: FusionConfig) -> Rectifier[Any]:
    kind = RECTIFIERS[config.likelihood.rectifier]
    takes_dims = "spatial_dims" in inspect.signature(kind).parameters
    dims = {"spatial_dims": config.likelihood.spatial_dims} if takes_dims else {}
    return kind(**dims, **config.likelihood.rectifier_options)


def _make_inferer(config: FusionConfig, rectifier: Rectifier[Any]) -> DDFMInferer:
    """The inferer: settings and arguments have the same names."""
    settings = config.settings()
    cleaned = [config.denoising.cleaned(key) for key in config.inputs.keys]
    settings["denoise_sources"] = cleaned if len(set(cleaned)) > 1 else cleaned[0]
    names = [name for name in inspect.signature(DDFMInferer).parameters if name in settings and name != "rectifier"]
    return DDFMInferer(rectifier, **{name: settings[name] for name in names})
