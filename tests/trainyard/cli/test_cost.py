"""`trainyard cost` as a user runs it: tree, JSON, Markdown, difference, and one line for each mistake."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import synthesis

from tests.trainyard.cost.scenes import KEY, NAT, assembly, template
from trainyard import cli

P5 = {"Type": "AWS::SageMaker::Cluster", "Properties": {"InstanceGroups": [
    {"InstanceGroupName": "workers", "InstanceType": "ml.p5.48xlarge", "InstanceCount": 2}
]}}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two environments."""
    return assembly(tmp_path / "cdk.out", {"Prod/Network": {"Nat": NAT, "Cluster": P5}, "Dev/Keys": {"Key": KEY}})


def run(monkeypatch: pytest.MonkeyPatch, capsys: Any, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["trainyard", "cost", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_tree_has_each_kind_its_assumption_and_what_is_unknown(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    status, said, _ = run(monkeypatch, capsys, str(place), "--environment", "prod", "--assume", "nat_gb_per_month=10")
    assert status == 0
    assert "prod: at least 32.85/month fixed (0.0450/h), 0.45/month by use, 1 unknown, in no sum" in said
    assert "fixed   NAT gateway: 32.85/month (0.0450/h)  1 × 0.045 a hour" in said
    assert "unknown workers: 2 × ml.p5.48xlarge, on demand: no price of ml.p5.48xlarge/cluster in us-east-1" in said
    assert "nat_gb_per_month=10 GB through a NAT gateway a month" in said
    assert "Dev/Keys" not in said


def test_a_price_can_be_given(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    arguments = (str(place), "--environment", "prod", "--price", "ml.p5.48xlarge/cluster=60", "--json")
    status, said, _ = run(monkeypatch, capsys, *arguments)
    found = json.loads(said)
    (line,) = found["environments"]["prod"]["stacks"]["Prod/Network"]["resources"]["Cluster"]["lines"]
    assert (status, line["kind"], line["monthly"]) == (0, "fixed", [87600.0, 87600.0])
    assert found["prices"]["us-east-1"]["ml.p5.48xlarge/cluster"]["source"] == "given with --price"
    assert found["sum"]["unknown"] == 0


def test_old_prices_are_warned_of_only_beyond_the_age_that_is_set(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    _, said, _ = run(monkeypatch, capsys, str(place), "--max-age-days", "0")
    assert "WARNING: 4 of them are older than 0 days (oldest kms/10000-requests, 2024-07-01)" in said
    _, said, _ = run(monkeypatch, capsys, str(place), "--max-age-days", "100000")
    assert "WARNING" not in said


def test_markdown_has_a_row_a_stack(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    _, said, _ = run(monkeypatch, capsys, str(place), "--markdown")
    assert "| Dev/Keys | 1.00 | 0.30 |  |  |" in said
    assert "<summary>1 unknown, in no sum</summary>" in said


def test_a_difference_is_per_resource(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    base = assembly(tmp_path / "base.out", {"Prod/Network": {"Cluster": P5}, "Dev/Keys": {"Key": KEY}})
    status, said, _ = run(monkeypatch, capsys, str(place), "--against", str(base), "--markdown")
    assert status == 0
    assert "| new | `Prod/Network` Nat (AWS::EC2::NatGateway) | – | 37.35 | +37.35 |  |" in said
    assert "in all +37.35 a month" in said


def test_a_plain_template_needs_a_region_and_takes_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    cluster = json.loads(json.dumps(P5))
    cluster["Properties"]["InstanceGroups"][0] |= {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": {"Ref": "Count"}}
    file = template(tmp_path, {"Cluster": cluster}, Parameters={"Count": {"Type": "Number"}})
    _, said, _ = run(monkeypatch, capsys, str(file), "--region", "us-east-1")
    assert "InstanceCount is ${Count}, which the template does not tell (give --parameter)" in said
    _, said, _ = run(monkeypatch, capsys, str(file), "--region", "us-east-1", "-p", "Count=2")
    assert "37,828.60/month" in said


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("nowhere",), "cdk synth"),
        (("{place}", "--environment", "staging"), "There are dev, prod"),
        (("{place}", "--assume", "s3_gb=-1"), "between 0 and"),
        (("{place}", "--price", "ml.p5.48xlarge/cluster=cheap"), "ITEM=AMOUNT"),
        (("{place}", "--price", "ml.p5.48xlarge/cluster=-3"), "ITEM=AMOUNT"),
        (("{place}", "-p", "Tpyo=1"), "no template has this parameter"),
        (("{place}", "--json", "--markdown"), "either --json or --markdown"),
        (("{place}", "--against", "nowhere"), "cdk synth"),
    ],
)
def test_a_mistake_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, arguments: tuple[str, ...], match: str
) -> None:
    status, _, said = run(monkeypatch, capsys, *(each.format(place=place) for each in arguments))
    assert status != 0
    assert match in said
    assert len(said.splitlines()) == 1


def test_a_region_without_prices_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    place = assembly(tmp_path / "out", {"Prod/Keys": {"Key": KEY}}, environment="aws://1/eu-west-1")
    status, _, said = run(monkeypatch, capsys, str(place))
    assert (status, len(said.splitlines())) == (1, 1)
    assert "`trainyard cost refresh --region eu-west-1` writes its table" in said


@pytest.mark.parametrize("environment", ["dev", "prod", "research"])
def test_the_page_shows_what_the_environments_cost_now(
    environment: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    _, said, _ = run(monkeypatch, capsys, str(synthesis.assembly()), "--environment", environment, "--markdown")
    _, head, rest = said.partition("| stack |")
    printed = (head + rest).partition("\n\n")[0].strip()
    page = (synthesis.ROOT / "docs" / "cost" / "README.md").read_text()
    assert f"**{environment}**\n\n{printed}\n" in page, (
        "write it again: trainyard cost cdk.out --environment … --markdown"
    )
