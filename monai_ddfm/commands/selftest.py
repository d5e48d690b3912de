# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm selftest``: does this installation compute what it should, on this machine?"""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "run"]

NAME, SUMMARY = "selftest", "Check weights, arithmetic, geometry and bfloat16 of this installation; under a minute."
EXAMPLES = (
    "monai-ddfm selftest",
    "monai-ddfm selftest --device cuda:0 --json",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("--device", default="auto", help="e.g. cpu or cuda:0 (default: a GPU where there is one)")


def run(options: Namespace) -> dict[str, Any]:
    """Print one line for each check; returns all outcomes.

    Raises:
        FailedChecksError: a check failed; names those that did.
        ValueError: no such device.
    """
    from monai_ddfm.commands.installation import check_installation  # imports torch

    logging.getLogger("monai_ddfm").setLevel(logging.ERROR)  # the example's own oddities concern nobody here
    outcomes = []
    for outcome in check_installation(options.device):
        outcomes.append(outcome)
        if not options.json:
            word = "ok    " if outcome.passed else "FAILED"
            print(f"{word} {outcome.name}: {outcome.found} ({outcome.seconds:.1f} s)", flush=True)
    failed = [outcome.name for outcome in outcomes if not outcome.passed]
    document = {"passed": not failed, "checks": [asdict(outcome) for outcome in outcomes]}
    if failed:
        raise FailedChecksError(
            f"{len(failed)} of {len(outcomes)} checks failed: {', '.join(failed)}; do not use results of this "
            "installation: install monai-ddfm and torch again, and tell us of it if that does not help",
            document,
        )
    return document


class FailedChecksError(RuntimeError):
    """Some checks of an installation failed.

    Args:
        message: which, in words.
        document: all outcomes.
    """

    def __init__(self, message: str, document: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.document = document
