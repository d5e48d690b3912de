# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The short commands: ``python -m monai_ddfm fuse`` and ``convert-prior``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from monai_ddfm import __version__
from monai_ddfm.commands import convert_prior, fuse
from monai_ddfm.errors import reason_of

__all__ = ["main"]


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="monai_ddfm", description="Fuse registered medical images with a diffusion prior (DDFM)."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (fuse, convert_prior):
        sub = commands.add_parser(command.NAME, help=command.SUMMARY, description=command.SUMMARY)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, or 1 after an error whose reason was printed."""
    options: Namespace = _parser().parse_args(arguments)
    try:
        options.run(options)
    except Exception as error:
        if options.traceback:
            raise
        reason = reason_of(error)
        print(f"monai_ddfm: {type(reason).__name__}: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
