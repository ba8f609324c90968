"""`trainyard whatif` and `trainyard size` as they are typed: figures, prices with their day, pages, one clear line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from trainyard import cli
from trainyard.cost.prices import Prices


class Shell:
    """The command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self._patch, self._capsys = monkeypatch, capsys

    def __call__(self, line: str, *more: str) -> tuple[int, str]:
        """Status, and all that was said."""
        self._patch.setattr(sys, "argv", ["trainyard", *line.split(), *more])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self._capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err


@pytest.fixture
def trainyard(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Shell:
    return Shell(monkeypatch, capsys)


SPOT = "whatif spot --hours 8 --price 32.77 --spot-price 9.83 --interruptions-per-hour 0.05 --runs 200"
GUIDE = {
    "whatif spot --hours 8 --price 32.77 --spot-price 9.83 --interruptions-per-hour 0 --stall 0s --commit 0s --restart"
    " 0s --runs 100": "Spot saves 70%: 78.64 expected against 262.16 on demand",
    "whatif savings --price 32.77 --one-year-price 26.22 --three-year-price 18.44":
        "1 year: 20% less, pays from 80.0% use on; 3 years: 44% less, pays from 56.3% use on",
    "whatif multi-model --models 50 --shared-price 1.212 --single-price 0.828 --hours-per-month 720":
        "872.64 a month shared against 29,808.00 on endpoints of their own, 97% saved. The break-even is 1.46 models:"
        " sharing pays from 2 on.",
    "whatif serverless --requests-per-day 100 --seconds 2 --memory-gb 4 --compute-price 0.20 --request-price 0.000024"
    " --hours-per-month 720": "0.22 GB-hours: serverless costs 0.0468 a day, 1.41 a month",
    "whatif autoscaling --per-instance 100 --price 0.828": "against 198.72 always on: 62% saved",
}  # fmt: skip


@pytest.mark.parametrize("line", GUIDE)
def test_the_guide_s_cases_come_out_of_the_command_line(trainyard: Shell, line: str) -> None:
    status, said = trainyard(line)
    assert status == 0
    assert GUIDE[line] in " ".join(said.split())
    assert "given by --" in said


# Each with a price of the table: the day that it was read is printed.
LISTED = (
    "whatif spot --hours 8 --instance-type ml.p4d.24xlarge --spot-price 9.83 --interruptions-per-hour 0.05 --runs 100",
    "whatif scale-to-zero --requests-per-hour 2 --instance-type ml.g5.xlarge",
    "whatif warm-pool --gap 15m --jobs-per-day 20 --instance-type ml.p4d.24xlarge --waiting-price 80",
    "whatif serverless --requests-per-day 1000 --seconds 0.5 --memory-gb 6 --request-mb 1",
    "size --model llama-8b --strategy fsdp",
)


@pytest.mark.parametrize("line", LISTED)
def test_a_price_of_the_table_is_printed_with_its_day(trainyard: Shell, line: str) -> None:
    oldest, newest = (day.isoformat() for day in Prices.load("us-east-1").read)
    status, said = trainyard(line)
    assert status == 0
    days = [part.split("us-east-1, read ")[1][:10] for part in said.splitlines() if "us-east-1, read " in part]
    assert days
    assert all(oldest <= day <= newest for day in days)


@pytest.mark.parametrize("line", [SPOT, *LISTED[1:]])
def test_json_is_all_that_is_printed(trainyard: Shell, line: str) -> None:
    status, said = trainyard(line, "--json")
    found = json.loads(said)
    assert status == 0
    assert found["prices"]
    assert all(price["source"] for price in found["prices"])
    assert found["assumptions"]


WRONG = {
    "whatif spot --hours 8 --interruptions-per-hour -1 --price 3 --spot-price 1": "--interruptions-per-hour: got -1.0",
    "whatif spot --hours 8 --interruptions-per-hour 0.1 --price -3 --spot-price 1": "--price: got -3.0, but a price",
    "whatif spot --hours 8 --interruptions-per-hour 0.1 --spot-price 1": "--price: got None, but nobody said what",
    "whatif spot --hours 8 --interruptions-per-hour 0.1 --price 3 --spot-price 1 --within 4h":
        "within: got '4.00 h', but the run takes",
    "whatif spot --hours 8 --interruptions-per-hour 0.1 --price 3 --spot-price 1 --interval often":
        "--interval: got 'often', but it must be a duration",
    "whatif spot --hours 8 --interruptions-per-hour 0.1 --instance-type ml.p4q.24xlarge --spot-price 1":
        "the price table of us-east-1 does not hold it",
    "whatif spot --hours 8 --interruptions-per-hour 30 --price 3 --spot-price 1 --instances 9":
        "--interruptions-per-hour: got 270.0, but the job is interrupted",
    "whatif spot --hours 8 --interruptions-per-hour 0.1 --price 3 --spot-price 1 --interval 30s":
        "--interval: got 30.0, but a save begins when the one before is committed",
    "whatif savings --instance-type ml.m5.large --usage playing": "--usage: got 'playing', but there is no such choice",
    "whatif scale-to-zero --requests-per-hour 0 --price 1": "requests-per-hour: got 0.0",
    "whatif multi-model --models 0 --shared-price 1 --single-price 1": "models: got 0",
    "whatif autoscaling --per-instance 100 --price 1 --schedule 5h:2": "load: got '5h:2', but its stretches take 5",
    "whatif warm-pool --gap 15m --jobs-per-day 20 --price 1 --keep-alive 9h": "keep-alive: got 32400.0",
    "size --model llama-9b --strategy fsdp": "--model: got 'llama-9b', but its shape is not known here. Give one of",
    "size --model llama-8b --strategy zero-4": "--strategy: got 'zero-4'",
    "size --model llama-8b --strategy tp3": "tensor: got 3, but a host has 8 ranks",
    "size --model llama-70b --strategy ddp --most-hosts 4": "up to 4 hosts of no type have the memory under ddp",
    "size --model llama-8b --strategy fsdp --on ml.p9.xlarge:2": "--on: got 'ml.p9.xlarge', but the instance catalogue",
    "size --model llama-8b --strategy fsdp --hours 6 --slo-hours 4": "--slo-hours: got 4.0, but a run takes 6 h",
    "size --model llama-8b --strategy fsdp --slo-hours 4": "nothing says how long a run is",
    "size --model llama-8b --strategy fsdp --price ml.p4d.24xlarge=cheap": "--price: got 'ml.p4d.24xlarge=cheap'",
    "size --model llama-8b --strategy fsdp --region mars-1": "region: got 'mars-1'",
    "size --model arr-coc-2b --strategy fsdp --sequence-length 9": "--sequence-length: got 9",
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line(trainyard: Shell, line: str) -> None:
    status, said = trainyard(line)
    assert status != 0
    assert len(said.strip().splitlines()) == 1
    assert WRONG[line] in said


def test_a_region_without_a_table_needs_no_table_where_prices_are_given(trainyard: Shell) -> None:
    assert trainyard("whatif scale-to-zero --requests-per-hour 1 --price 1 --region mars-1")[0] == 0
    assert trainyard("size --model llama-8b --strategy fsdp --region mars-1 --price ml.p4d.24xlarge=20")[0] == 0


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["2026-11-21T08:00,5", "2026-11-21T08:02,5"], "2026-11-21T08:00:00+00:00 is not the minute before"),
        (["2026-11-21T08:00,-5"], "nobody sends less than no request"),
        ([], "it has no row below the first line"),
    ],
)
def test_a_trace_with_gaps_is_refused_with_its_row(
    trainyard: Shell, tmp_path: Path, rows: list[str], said: str
) -> None:  # fmt: skip
    trace = tmp_path / "trace.csv"
    trace.write_text("\n".join(["time,requests", *rows]) + "\n")
    status, line = trainyard("whatif autoscaling --per-instance 100 --price 1 --trace", str(trace))
    assert status != 0
    assert len(line.strip().splitlines()) == 1
    assert said in line


def test_a_page_is_written_whole_and_a_folder_is_none(trainyard: Shell, tmp_path: Path) -> None:
    page = tmp_path / "new" / "spot.html"
    status, said = trainyard(SPOT, "--html", str(page))
    assert status == 0
    assert "needs no network" in said
    assert list(page.parent.iterdir()) == [page]
    assert page.stat().st_size > 2**20, "plotly is in it"
