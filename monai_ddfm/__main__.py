# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The console command: ``monai-ddfm``, or ``python -m monai_ddfm``."""

from __future__ import annotations

import json
import logging
import sys
import textwrap
import warnings
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import shtab

from monai_ddfm import __version__
from monai_ddfm.commands import check, convert_prior, evaluate, fuse, measure, mip, report, selftest
from monai_ddfm.errors import end_in_one_line, exit_codes_in_words, print_reason, reason_of

__all__ = ["COMMANDS", "main", "parse_arguments", "run_in_one_line"]

COMMANDS = (fuse, check, measure, evaluate, report, mip, convert_prior, selftest)
_TALKATIVE = ("highdicom", "ignite", "dicomweb_client", "matplotlib")  # they log what concerns nobody


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="monai-ddfm",
        description="Fuse registered medical images with a diffusion prior (DDFM).",
        epilog=exit_codes_in_words(),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    shtab.add_argument_to(parser, ["--print-completion"], help="print the completion script of a shell")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(
            command.NAME,
            help=command.SUMMARY,
            description=textwrap.fill(command.SUMMARY, 79),
            epilog="\n  ".join(["examples:", *command.EXAMPLES]) + "\n\n" + exit_codes_in_words(),
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        loudness = sub.add_mutually_exclusive_group()
        loudness.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")
        loudness.add_argument("-v", "--verbose", action="store_true", help="say more")
        sub.add_argument(
            "--json", action="store_true", help="print what became of it as one JSON document, errors, too"
        )
        sub.add_argument("--traceback", action="store_true", help="show where an error came from")
        sub.set_defaults(run=command.run)
    return parser


@contextmanager
def _logging(options: Namespace) -> Iterator[None]:
    """Log to the terminal as loud as asked for; afterwards loggers are as loud as they were."""
    names = ("monai_ddfm", "py.warnings", *_TALKATIVE)
    before = {name: logging.getLogger(name).level for name in names}
    words = warnings.formatwarning
    _start_logging(options)
    try:
        yield
    finally:
        warnings.formatwarning = words
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _start_logging(options: Namespace) -> None:
    level = logging.ERROR if options.quiet else logging.DEBUG if options.verbose else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("monai_ddfm").setLevel(level)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(level)
    warnings.formatwarning = lambda message, *_: str(message)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def parse_arguments(arguments: list[str] | None = None) -> Namespace:
    """Return the options of a command; ``options.run(options)`` runs it."""
    return _parser().parse_args([_dashed(word) for word in (sys.argv[1:] if arguments is None else arguments)])


def _dashed(word: str) -> str:
    """An option in the bundle's spelling, ``--output_format``, in the command's own."""
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else word


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, or 1 after an error whose reason was printed, see `errors.EXIT_CODES`.

    Words that it does not know, SIGINT and SIGTERM end it by SystemExit.
    """
    options = parse_arguments(arguments)
    return run_in_one_line(options.run, options)


def run_in_one_line(run: Callable[[Namespace], Mapping[str, Any] | None], options: Namespace) -> int:
    """Run what a command does, as loud as its options say; returns 0, or 1 after an error whose reason was printed.

    Where JSON is asked for, what the command returns is all that stdout gets; after an error ``{"error": {"kind": ...,
    "reason": ...}}``, beside what the error itself tells.
    """
    end_in_one_line()
    as_json = getattr(options, "json", False)
    try:
        with _logging(options):
            document = run(options)
    except Exception as error:
        if options.traceback:
            raise
        reason = reason_of(error)
        if as_json:
            told = {"kind": type(reason).__name__, "reason": str(reason)}
            print(json.dumps({**getattr(reason, "document", {}), "error": told}, indent=2))
        print_reason(error)
        return 1
    if as_json:
        print(json.dumps(document or {}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
