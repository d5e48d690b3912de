# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How far do more workers help? A simulation of the cohort from stage times that were measured.

    python benchmarks/scale.py output/summary.json [--cases 200] [--startup 12] [--streams 8] [--workers 1 2 4 ... 64]
        [--plot FILE]

Takes the seconds that loading, fusing and writing took from the summary of a run, repeats its cases up to `--cases`,
and plays what `monai_ddfm.cohort` does: each worker loads one case ahead, fuses, and writes behind; the largest case
goes first, and an idle worker takes what another has loaded but not begun. All share a storage that serves `--streams`
transfers at full speed at a time. Prints a table in markdown, where it stops being linear, and why. Needs simpy.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import simpy
from markdown_table import table

_LINEAR = 0.9  # of the ideal speed-up
_PARTS = 20  # of a case, where cases could be shared out


class Stages(NamedTuple):
    """Seconds that a case takes."""

    load: float
    fuse: float
    write: float


def measured_stages(summary: Path) -> list[Stages]:
    """The stages of every finished case of a run.

    Raises:
        ValueError: none finished in that run.
    """
    cases = json.loads(summary.read_text())["cases"]
    stages = [Stages(**case["seconds"]) for case in cases if case["status"] == "finished"]
    if not stages:
        raise ValueError(f"{summary}: no case was finished in this run; give the summary of one with --overwrite")
    return stages


class Cohort:
    """Cases in order of size, and the workers that share them."""

    def __init__(self, cases: Sequence[Stages], streams: int, startup: float) -> None:
        self.cases = sorted(cases, key=lambda case: -case.fuse)
        self.startup = startup
        self.clock = simpy.Environment()
        self.storage = simpy.Resource(self.clock, streams)
        self.numbers = itertools.count()
        self.taken: set[int] = set()

    def next_to_load(self) -> int | None:
        """As `monai_ddfm.cohort.WorkQueue` has it."""
        number = next(self.numbers)
        return number if number < len(self.cases) else None

    def take(self, number: int | None) -> bool:
        """Take a case; False when it is taken."""
        if number is None or number in self.taken:
            return False
        self.taken.add(number)
        return True

    def take_next(self) -> int | None:
        """Take a case that nobody has."""
        while (number := self.next_to_load()) is not None:
            if self.take(number):
                return number
        return next((number for number in range(len(self.cases)) if self.take(number)), None)

    def transfer(self, seconds: float) -> Iterator[Any]:
        """Use the storage."""
        with self.storage.request() as stream:
            yield stream
            yield self.clock.timeout(seconds)

    def worker(self) -> Iterator[Any]:
        """Load ahead, fuse, write behind."""
        yield self.clock.timeout(self.startup)
        ahead, loading, writing = None, None, None
        while True:
            number = ahead
            if not self.take(number):
                number = self.take_next()
                if number is None:
                    break
                loading = self.clock.process(self.transfer(self.cases[number].load))
            yield loading
            ahead = self.next_to_load()
            if ahead is not None:
                loading = self.clock.process(self.transfer(self.cases[ahead].load))
            yield self.clock.timeout(self.cases[number].fuse)
            if writing is not None:
                yield writing
            writing = self.clock.process(self.transfer(self.cases[number].write))
        if writing is not None:
            yield writing

    def seconds(self, workers: int) -> float:
        """Wall time until every worker is done."""
        self.clock.run(self.clock.all_of([self.clock.process(self.worker()) for _ in range(workers)]))
        return float(self.clock.now)


def what_holds(cases: Sequence[Stages], workers: int, streams: int, startup: float) -> tuple[str, float]:
    """Which limit costs most, and the seconds that the run would take without it."""
    parts = [Stages(*(seconds / _PARTS for seconds in case)) for case in cases for _ in range(_PARTS)]
    without = {
        "the storage": Cohort(cases, workers * 2, startup),
        "starting the workers": Cohort(cases, streams, 0.0),
        "a case cannot be shared out, so workers wait for the last": Cohort(parts, streams, startup),
    }
    seconds = {name: cohort.seconds(workers) for name, cohort in without.items()}
    cause = min(seconds, key=lambda name: seconds[name])
    return cause, seconds[cause]


def simulate(cases: Sequence[Stages], worker_counts: Sequence[int], streams: int, startup: float) -> dict[int, float]:
    """Wall seconds by number of workers, from one worker on."""
    return {workers: Cohort(cases, streams, startup).seconds(workers) for workers in sorted({1, *worker_counts})}


def efficiency(seconds: Mapping[int, float]) -> str:
    """A markdown table, a line for each number of workers."""
    rows = [
        [f"{workers}", f"{wall:.0f}", f"{seconds[1] / wall:.1f}", f"{100 * seconds[1] / wall / workers:.0f}"]
        for workers, wall in seconds.items()
    ]
    return table(["workers", "seconds", "speed-up", "efficiency, %"], rows)


def where_it_ends(cases: Sequence[Stages], seconds: Mapping[int, float], streams: int, startup: float) -> str:
    """A sentence on where it stops being linear, and why."""
    for workers, wall in seconds.items():
        if seconds[1] / wall < _LINEAR * workers:
            cause, without = what_holds(cases, workers, streams, startup)
            return (
                f"Below {100 * _LINEAR:.0f} % of linear from {workers} workers on. What costs most there: {cause} "
                f"({wall:.0f} s with it, {without:.0f} s without)."
            )
    return f"Linear, to {100 * _LINEAR:.0f} %, up to {max(seconds)} workers."


def plot(seconds: Mapping[int, float], path: Path) -> None:
    """Speed-up over workers, and the line of a perfect one."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    workers = list(seconds)
    axes.loglog(workers, workers, color="grey", linestyle=":", label="linear")
    axes.loglog(workers, [seconds[1] / wall for wall in seconds.values()], marker="o", label="simulated")
    axes.set(xlabel="workers", ylabel="times faster than one worker", xticks=workers, yticks=workers)
    axes.set_xticklabels(workers)
    axes.set_yticklabels(workers)
    axes.minorticks_off()
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("summary", type=Path)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--startup", type=float, default=12.0, help="seconds until a worker begins")
    parser.add_argument("--streams", type=int, default=8, help="transfers that the storage serves at full speed")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--plot", type=Path, help="draw the speed-up into this file")
    options = parser.parse_args()
    measured = measured_stages(options.summary)
    cases = list(itertools.islice(itertools.cycle(measured), options.cases))
    mean = Stages(*(sum(column) / len(cases) for column in zip(*cases, strict=True)))
    print(
        f"{len(cases)} cases like the {len(measured)} measured ones (mean: load {mean.load:.1f} s, "
        f"fuse {mean.fuse:.1f} s, write {mean.write:.1f} s), start-up {options.startup:.0f} s, "
        f"storage of {options.streams} streams\n"
    )
    seconds = simulate(cases, options.workers, options.streams, options.startup)
    print(efficiency(seconds))
    print(where_it_ends(cases, seconds, options.streams, options.startup))
    if options.plot:
        plot(seconds, options.plot)


if __name__ == "__main__":
    main()
