# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Metrics of a cohort as tables."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine
from monai.inferers import SimpleInferer

from monai_ddfm.metrics import CorrelationMetric, EntropyMetric, FusionMetric, QabfMetric
from monai_ddfm.report.metric_tables import MetricTables


def cohort() -> list[dict]:
    """Three cases of one slice: a copy of the first source, noise, and an empty one."""
    generator = torch.Generator().manual_seed(0)
    sources = 2 * torch.rand(3, 2, 44, 44, generator=generator) - 1
    fused = sources[:, :1].clone()
    fused[1] = 2 * torch.rand(1, 44, 44, generator=generator) - 1
    fused[2], sources[2] = -1.0, -1.0
    return [{"case": [f"c{n}"], "image": fused[n : n + 1], "label": sources[n : n + 1]} for n in range(3)]


def measured(metric: FusionMetric) -> IgniteMetricHandler:
    return IgniteMetricHandler(metric, output_transform=from_engine(["pred", "label"]))


def evaluate(tables: MetricTables, key_metric: bool = True) -> None:
    SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=cohort(),
        network=torch.nn.Identity(),
        inferer=SimpleInferer(),
        key_val_metric={"EN": measured(EntropyMetric())} if key_metric else None,
        additional_metrics={"Qabf": measured(QabfMetric()), "CC": measured(CorrelationMetric(per_source=True))},
        val_handlers=[tables],
    ).run()


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_for_each_case_one_of_all_and_a_summary(tmp_path: Path) -> None:
    evaluate(MetricTables(tmp_path, ["MR", "PET"]))
    assert {p.name for p in tmp_path.iterdir()} == {
        "cases.csv",
        "summary.csv",
        *(f"c{n}_metrics.csv" for n in range(3)),
    }
    cases = read(tmp_path / "cases.csv")
    assert list(cases[0]) == ["case", "EN", "Qabf", "CC_MR", "CC_PET"]
    assert [row["case"] for row in cases] == ["c0", "c1", "c2"]
    assert float(cases[0]["CC_MR"]) == pytest.approx(1.0)
    assert abs(float(cases[1]["CC_MR"])) < 0.1
    assert cases[2]["Qabf"] == ""  # no edges, no value
    own = {row["metric"]: row["value"] for row in read(tmp_path / "c0_metrics.csv")}
    assert own == {name: value for name, value in cases[0].items() if name != "case"}


def test_summary_counts_the_cases_that_have_a_value(tmp_path: Path) -> None:
    evaluate(MetricTables(tmp_path, ["MR", "PET"]))
    cases, summary = read(tmp_path / "cases.csv"), {row["metric"]: row for row in read(tmp_path / "summary.csv")}
    known = [float(row["Qabf"]) for row in cases[:2]]
    assert int(summary["Qabf"]["cases"]) == 2 and int(summary["EN"]["cases"]) == 3
    assert float(summary["Qabf"]["mean"]) == pytest.approx(sum(known) / 2, rel=1e-4)
    assert float(summary["Qabf"]["max"]) == pytest.approx(max(known), rel=1e-4)


def test_tables_of_an_earlier_run_are_kept(tmp_path: Path) -> None:
    evaluate(MetricTables(tmp_path, ["MR", "PET"]))
    before = (tmp_path / "summary.csv").read_bytes()
    with pytest.raises(FileExistsError, match=r"cases\.csv: exists and is kept"):
        evaluate(MetricTables(tmp_path, ["MR", "PET"]))
    evaluate(MetricTables(tmp_path, ["MR", "PET"], overwrite=True))
    assert (tmp_path / "summary.csv").read_bytes() == before


def test_an_engine_without_metrics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key_val_metric"):  # without one, MONAI ignores the additional metrics
        evaluate(MetricTables(tmp_path, ["MR", "PET"]), key_metric=False)


def test_tables_that_a_killed_run_was_writing_go(tmp_path: Path) -> None:
    left = [tmp_path / f".partial-0123abcd-{name}" for name in ("cases.csv", "summary.csv", "c1_metrics.csv")]
    other = tmp_path / ".partial-0123abcd-c9_metrics.csv"
    for file in (*left, other):
        file.write_text("metric")
    evaluate(MetricTables(tmp_path, sources=["MR", "PET"]))
    assert not any(file.exists() for file in left)
    assert other.exists()
