# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The description of a fusion: every setting with its type, its range and its default, said once, in `groups`.

A setting is known by one flat name, the same in `FuseDDFM`, on the command line and in the bundle's YAML; inside they
are grouped by what they are about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from monai_ddfm.bundle import preset_settings
from monai_ddfm.pipeline.groups import (
    Denoising,
    Execution,
    Inputs,
    Likelihood,
    Maps,
    Normalisation,
    Results,
    Sampling,
    group,
)
from monai_ddfm.pipeline.settings import (
    reason_in_one_line,
    require_known,
)
from monai_ddfm.transforms.colour_maps import AUTO, maps_for
from monai_ddfm.transforms.modality import modality_of

__all__ = ["NOT_IN_KEY", "FusionConfig", "setting_names"]

NOT_IN_KEY = frozenset(
    {
        "compile_mode",  # the same arithmetic, faster
        "device",  # results agree to rounding
        "output_dir",
        "overwrite",
        "progress",
        "report",  # pages about a result
        "report_identity",
        "slices_per_batch",  # each slice is the network's alone, the same to the bit on a CPU
        "summary",
        "threads",
        "trust_torchscript",
        "weights",  # their path; their digest is in the key
    }
)
"""The settings that cannot change a result; every other one is part of its content key."""


@group
class FusionConfig:
    """A fusion, described: frozen, validated, and the same whichever door it came through.

    Make one with `of`. ``config.sampling.steps`` reads a setting, ``config.settings()`` gives all of them back.
    """

    inputs: Inputs = Field(default_factory=Inputs)
    normalisation: Normalisation = Field(default_factory=Normalisation)
    denoising: Denoising = Field(default_factory=Denoising)
    likelihood: Likelihood = Field(default_factory=Likelihood)
    sampling: Sampling = Field(default_factory=Sampling)
    maps: Maps = Field(default_factory=Maps)
    execution: Execution = Field(default_factory=Execution)
    results: Results = Field(default_factory=Results)

    @model_validator(mode="after")
    def _check(self) -> FusionConfig:
        keys = self.inputs.keys
        require_known("source in windows named", self.normalisation.windows, keys)
        require_known("source in noise named", self.denoising.noise, keys)
        if isinstance(self.denoising.denoise_sources, Mapping):
            require_known("source in denoise_sources named", self.denoising.denoise_sources, keys)
        if unknown := [name for name in self.results.functional or () if name not in (AUTO, *keys)]:
            raise ValueError(f"functional: found {', '.join(unknown)}, expected auto or one of {', '.join(keys)}")
        if self.results.colour_map is not None and self.functional_keys:
            maps_for(self.functional_keys, self.results.colour_map)
        return self

    @property
    def functional_keys(self) -> tuple[str, ...]:
        """The sources that are shown in colour."""
        wanted, keys = self.results.functional or (), self.inputs.keys
        if AUTO not in wanted:
            return wanted
        return tuple(key for key in keys if modality_of(self.inputs.modality_name(key)).functional)

    @classmethod
    def of(cls, preset: str | None = None, **settings: Any) -> FusionConfig:
        """Return the description of a preset, overruled by further settings.

        Args:
            preset: a name of `preset_names`; None for the defaults.
            **settings: by their flat names, e.g. ``steps=10, seed=1``.

        Raises:
            ValueError: an unknown preset or setting (the nearest known one is named), or a value that does not fit.
        """
        given = {**preset_settings(preset), **settings}
        require_known("setting", given, setting_names())
        grouped = {group: {n: given[n] for n in names if n in given} for group, names in _names_by_group().items()}
        try:
            return TypeAdapter(cls).validate_python(grouped)
        except ValidationError as error:
            raise ValueError(reason_in_one_line(error)) from None

    def replace(self, **settings: Any) -> FusionConfig:
        """Return this description with other values of some settings; see `of`."""
        return FusionConfig.of(**{**self.settings(), **settings})

    def settings(self) -> dict[str, Any]:
        """Return every setting by its flat name as plain JSON; ``FusionConfig.of(**config.settings())`` equals it."""
        groups = TypeAdapter(FusionConfig).dump_python(self, mode="json")
        return {name: value for group in groups.values() for name, value in group.items()}


def _names_by_group() -> dict[str, list[str]]:
    hints = get_type_hints(FusionConfig)
    return {group.name: [setting.name for setting in fields(hints[group.name])] for group in fields(FusionConfig)}  # type: ignore[arg-type] # pydantic's


def setting_names() -> list[str]:
    """Return the names of all settings."""
    return [name for names in _names_by_group().values() for name in names]
