# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Going on after a kill exactly where the training stood."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from torch import nn

from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.priors.prior_file import write_prior_file

__all__ = ["PriorWriter", "ResumableCheckpoint", "settings_difference"]

logger = logging.getLogger(__name__)


class ResumableCheckpoint:
    """An ignite handler that saves the whole state of a training after its epochs, and loads it when the run starts.

    Crops and noise are functions of their number (see `CropDataset`), so that network, optimiser, schedule, average and
    the epoch are the whole state. The file is replaced in one step: a kill leaves the last whole one.

    Args:
        path: the checkpoint; a run that finds it there goes on from it.
        objects: name to anything with ``state_dict`` and ``load_state_dict``.
        settings: what must not change between the runs, as YAML or JSON can hold it.
        interval: epochs between saves.

    Raises:
        ValueError: at the start of the run, when the checkpoint is unreadable or of other settings (all named).
    """

    def __init__(
        self, path: str | Path, objects: Mapping[str, Any], settings: Mapping[str, Any] | None = None, interval: int = 1
    ) -> None:
        self.path = Path(path)
        self.objects = dict(objects)
        self.settings = json.loads(json.dumps(dict(settings or {}), default=str))
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        engine.add_event_handler(Events.STARTED, self.resume)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self.save)

    def resume(self, engine: Engine) -> None:
        """Load the checkpoint if there is one."""
        if not self.path.is_file():
            return
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            settings = json.loads(saved["settings"])
        except Exception as error:
            raise ValueError(f"{self.path}: not a readable checkpoint ({error}); move it away to start anew") from error
        difference = settings_difference(settings, self.settings)
        if difference:
            raise ValueError(
                f"{self.path}: is of another configuration, refusing to go on from it: {'; '.join(difference)}; "
                "restore these settings, or give another output folder to start anew"
            )
        for name, held in self.objects.items():
            held.load_state_dict(saved["objects"][name])
        engine.state.epoch = saved["epoch"]
        engine.state.iteration = saved["iteration"]
        logger.info("going on from %s after epoch %d", self.path, engine.state.epoch)

    def save(self, engine: Engine) -> None:
        """Write the checkpoint; in a distributed training only the first process does."""
        if idist.get_rank() != 0:
            return
        content = {
            "settings": json.dumps(self.settings),
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "objects": {name: held.state_dict() for name, held in self.objects.items()},
        }
        with atomic_file(self.path, overwrite=True, sole_writer=True) as partial:
            torch.save(content, partial)


class PriorWriter:
    """An ignite handler that writes the averaged weights as the one file that inference loads.

    Args:
        path: the file, replaced in one step.
        network: the averaged network, without the wrapper of the prior.
        header: what the file says of itself, see `monai_ddfm.priors.prior_file.write_prior_file`.
        interval: epochs between writes.
    """

    def __init__(
        self, path: str | Path, network: nn.Module, header: Mapping[str, Any] | None = None, interval: int = 1
    ) -> None:
        self.path = Path(path)
        self.network = network
        self.header = dict(header or {})
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self)

    def __call__(self, engine: Engine) -> None:
        """Write the weights; in a distributed training only the first process does."""
        if idist.get_rank() == 0:
            write_prior_file(self.path, self.network.state_dict(), {**self.header, "epoch": str(engine.state.epoch)})


def settings_difference(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Name the settings that differ, as ``name: saved -> wanted``."""
    names = sorted(saved.keys() | wanted.keys())
    return [
        f"{name}: {saved.get(name, 'absent')} -> {wanted.get(name, 'absent')}"
        for name in names
        if saved.get(name, "absent") != wanted.get(name, "absent")
    ]
