"""What the program on the controller makes of what Slurm's commands say."""

from __future__ import annotations

import importlib.util
import subprocess
import time
from pathlib import Path
from types import ModuleType

import pytest

from cluster_code import LIFECYCLE
from constructs_lib.observability.exporters import SLURM


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slurm_figures", LIFECYCLE / "files" / "slurm_figures.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(program: ModuleType, *nodes: tuple[str, ...]) -> str:
    widths = [width for _, width in program.COLUMNS]
    return "".join("".join(map(str.ljust, node, widths)) + "\n" for node in nodes)


NODES = (
    ("a", "allocated", "train", "192/0/0/192", "gpu:h100:8(S:0-1)", "gpu:h100:8(IDX:0-7)"),
    ("b", "mixed*", "train", "96/96/0/192", "gpu:h100:8(S:0-1)", "gpu:h100:3(IDX:0-2)"),
    ("b", "mixed*", "debug", "96/96/0/192", "gpu:h100:8(S:0-1)", "gpu:h100:3(IDX:0-2)"),
    ("c", "drained$", "train", "0/0/192/192", "gpu:8", "gpu:0"),
    ("d", "idle~", "debug", "0/4/0/4", "(null)", "(null)"),
    ("e", "down*+", "debug", "0/0/4/4", "nic:gpu:1", "nic:0"),
    ("f", "planned", "debug", "0/4/0/4", "(null)", "(null)"),
)


def test_a_node_of_two_partitions_is_one_node(program: ModuleType) -> None:
    found = dict(program.nodes(rows(program, *NODES)))
    states = {name.removeprefix("slurm_nodes_"): value for name, value in found.items() if "nodes" in name}
    assert states == {"alloc": 1, "mix": 1, "drain": 1, "idle": 1, "down": 1, "fail": 0, "other": 1}
    assert (found["slurm_gpus_alloc"], found["slurm_gpus_total"]) == (11, 24)
    assert found['slurm_partition_cpus_total{partition="debug"}'] == 192 + 4 + 4 + 4
    assert found['slurm_partition_cpus_allocated{partition="train"}'] == 192 + 96


@pytest.mark.parametrize(
    ("resources", "gpus"),
    [("gpu:8", 8), ("gpu:h100:8(S:0-1),nic:2", 8), ("gpu:a:2(IDX:0,2),gpu:b:1(IDX:0)", 3), ("(null)", 0), ("", 0)],
)
def test_gpus_of_a_nodes_resources(program: ModuleType, resources: str, gpus: int) -> None:
    assert program.devices(resources) == gpus


def test_jobs_by_partition_and_reason(program: ModuleType) -> None:
    hour = "2026-11-22T%s:00:00"
    said = "".join(
        f"train|{state}|{hour % submitted}|{reason}\n"
        for state, submitted, reason in (
            ("PENDING", "10", "Resources"), ("PENDING", "11", "Priority"), ("PENDING", "01", "JobHeldUser"),
            ("RUNNING", "01", "None"), ("COMPLETING", "01", "None"),
        )
    )  # fmt: skip
    now = time.mktime(time.strptime(hour % "12", "%Y-%m-%dT%H:%M:%S"))
    found = dict(program.jobs(said, ["train", "debug"], now))
    assert found == {
        'slurm_queue_oldest_seconds{partition="debug"}': 0,
        'slurm_queue_oldest_seconds{partition="train"}': 7200,
        'slurm_queue_pending{partition="train",reason="JobHeldUser"}': 1,
        'slurm_queue_pending{partition="train",reason="Priority"}': 1,
        'slurm_queue_pending{partition="debug",reason="None"}': 0,
        'slurm_queue_pending{partition="train",reason="None"}': 0,
        'slurm_queue_pending{partition="train",reason="Resources"}': 1,
        'slurm_queue_running{partition="debug"}': 0,
        'slurm_queue_running{partition="train"}': 1,
    }


def test_a_reason_of_quotes_stays_one_label(program: ModuleType) -> None:
    found = list(program.jobs('p|PENDING|2026-11-22T10:00:00|say "no" \\\n', [], 0))
    assert found == [('slurm_queue_pending{partition="p",reason="say \\"no\\" \\\\"}', 1)]


def test_the_main_schedulers_cycle_is_the_first(program: ModuleType) -> None:
    said = "Agent queue size:   3\n\tLast cycle:   9\n\tMean cycle:   41\nBackfill\n\tMean cycle: 999\n"
    assert dict(program.scheduler(said)) == {"slurm_scheduler_queue_size": 3, "slurm_scheduler_mean_cycle": 41}


def test_pages_ask_for_nothing_else(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"--Format": rows(program, *NODES), "--format=%R": "train\ndebug\n", "--array": "", "sdiag": ""}

    def asked(*command: str) -> str:
        return next(text for sign, text in said.items() if any(part.startswith(sign) for part in command))

    monkeypatch.setattr(program, "asked", asked)
    report = program.report().splitlines()
    names = [line.split()[2] for line in report if line.startswith("# TYPE")]
    assert set(names) >= SLURM.metrics
    # node_exporter refuses a metric whose series are apart.
    assert len(names) == len(set(names))
    told = [line.partition("{")[0].split()[0] for line in report if not line.startswith("#")]
    assert [name for index, name in enumerate(told) if name not in told[:index]] == names


def test_a_controller_that_does_not_answer_leaves_the_file_as_it_was(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*command: str) -> str:
        raise subprocess.TimeoutExpired(command, program.LIMIT)

    class Slept(Exception):
        pass

    def slept(_seconds: float) -> None:
        raise Slept

    monkeypatch.setattr(program, "asked", asked)
    monkeypatch.setattr(program.time, "sleep", slept)
    file = tmp_path / "slurm.prom"
    file.write_text("before\n")
    with pytest.raises(Slept):
        program.main(str(file), 30)
    assert file.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [file]
