"""Alerts under a real promtool: what raises each, what does not, and what people read.

Needs ``make prometheus``; skipped without.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.observability import HARDWARE, KUEUE, SLURM, goodput, training
from constructs_lib.observability.alerts import rule_file
from tests.prometheus_programs import missing, programs

GROUPS = (HARDWARE, SLURM, KUEUE, training(silent_minutes=30, checkpoint_minutes=10), goodput(least=0.9, held="1h"))
RULES = {rule.alert: rule for group in GROUPS for rule in group.alerts}
NODE = {"cluster": "c", "node": "n"}
RUN = '{file="/m/trainyard-r.prom",cluster="c",node="%s"}'


@dataclass(frozen=True, kw_only=True)
class Case:
    """Series of a minute's interval, and one alert at two times."""

    alert: str
    series: dict[str, str]
    quiet: str
    """When nothing is raised yet, or any more."""
    raised: str
    """When it is."""
    labels: dict[str, str] = field(default_factory=lambda: NODE)
    summary: str


CASES = (
    Case(alert="GpuRowsNotRemapped", series={'DCGM_FI_DEV_ROW_REMAP_FAILURE{cluster="c",node="n",gpu="3"}': "0x9 1x20"},
         quiet="9m", raised="12m", labels={**NODE, "gpu": "3"},
         summary="GPU 3 of n has a memory row that could not be remapped: replace the node"),
    Case(alert="GpuXid", series={'DCGM_FI_DEV_XID_ERRORS{cluster="c",node="n",gpu="3"}': "0x9 79x60"},
         quiet="9m", raised="12m", labels={**NODE, "gpu": "3"}, summary="GPU 3 of n reported XID 79"),
    # An old one is no news.
    Case(alert="GpuXid", series={'DCGM_FI_DEV_XID_ERRORS{cluster="c",node="n",gpu="3"}': "79x20 31x60"},
         quiet="19m", raised="23m", labels={**NODE, "gpu": "3"}, summary="GPU 3 of n reported XID 31"),
    Case(alert="EfaDrops", series={'node_amazonefa_rx_drops{cluster="c",node="n",device="rdmap0s1"}': "5x9 5+1x30"},
         quiet="9m", raised="25m", labels={**NODE, "device": "rdmap0s1"}, summary="rdmap0s1 of n drops packets"),
    Case(alert="NodeSilent", series={'up{job="node",cluster="c",node="n"}': "1x9 0x20"}, quiet="12m", raised="16m",
         labels={**NODE, "job": "node"}, summary="n gives no figures"),
    Case(alert="DiskFull",
         series={'node_filesystem_avail_bytes{fstype="ext4",mountpoint="/",cluster="c",node="n"}': "40x9 4x30",
                 'node_filesystem_size_bytes{fstype="ext4",mountpoint="/",cluster="c",node="n"}': "100x60"},
         quiet="15m", raised="22m", labels={**NODE, "fstype": "ext4", "mountpoint": "/"},
         summary="/ of n has less than 5 % left"),
    Case(alert="SlurmNodesDown",
         series={'slurm_nodes_down{cluster="c",node="n"}': "0x9 2x40",
                 'slurm_nodes_drain{cluster="c",node="n"}': "1x5 0x50",
                 'slurm_nodes_fail{cluster="c",node="n"}': "0x60"},
         quiet="20m", raised="26m", labels={"cluster": "c"}, summary="2 nodes of c take no work"),
    Case(alert="SlurmSilent",
         series={'node_textfile_mtime_seconds{file="/m/slurm.prom",cluster="c",node="n"}': "0+60x10 600x30"},
         quiet="12m", raised="16m", labels={**NODE, "file": "/m/slurm.prom"},
         summary="Slurm of c gives no figures"),
    Case(alert="WorkWaitsWhileNodesIdle",
         series={'slurm_queue_pending{partition="p",reason="None",cluster="c"}': "0x60",
                 'slurm_queue_pending{partition="p",reason="Resources",cluster="c"}': "0x9 3x60",
                 'slurm_nodes_idle{cluster="c"}': "4x90"},
         quiet="30m", raised="41m", labels={"cluster": "c"}, summary="Jobs of c wait while 4 nodes are idle"),
    Case(alert="TeamWaits",
         series={'kueue_admission_wait_time_seconds_bucket{cluster="c",cluster_queue="q",le="10"}': "0x90",
                 'kueue_admission_wait_time_seconds_bucket{cluster="c",cluster_queue="q",le="7200"}': "0+1x90",
                 'kueue_admission_wait_time_seconds_bucket{cluster="c",cluster_queue="q",le="+Inf"}': "0+1x90"},
         quiet="20m", raised="40m", labels={"cluster": "c", "cluster_queue": "q"},
         summary="Tasks of q wait for more than an hour"),
    Case(alert="GoodputLow", series={'trainyard_train_goodput{run="r",cluster="c",node="n"}': "0.95x9 0.8x90"},
         quiet="65m", raised="71m", labels={**NODE, "run": "r"}, summary="r makes use of only 80% of its time"),
    Case(alert="CheckpointOld",
         series={'trainyard_checkpoint_age_seconds{run="r",cluster="c",node="n"}': "60x9 700x60"},
         quiet="10m", raised="12m", labels={"cluster": "c", "run": "r"}, summary="r of c would lose 11m 40s of work"),
    Case(alert="CheckpointCorrupt",
         series={'trainyard_checkpoint_quarantined{run="r",cluster="c",node="n"}': "0x9 1x60"},
         quiet="10m", raised="12m", labels={"cluster": "c", "run": "r"},
         summary="Commits of r of c that did not verify and were put aside: 1"),
    Case(alert="TrainingStandsStill", series={f"node_textfile_mtime_seconds{RUN % 'n'}": "0x60"},
         quiet="31m", raised="33m", labels={"cluster": "c", "file": "/m/trainyard-r.prom"},
         summary="/m/trainyard-r.prom of c is 33m 0s old: its run makes no step"),
    # On another node the run went on until minute 20.
    Case(alert="TrainingStandsStill",
         series={f"node_textfile_mtime_seconds{RUN % 'n'}": "0x90",
                 f"node_textfile_mtime_seconds{RUN % 'm'}": "0+60x20 1200x70"},
         quiet="51m", raised="53m", labels={"cluster": "c", "file": "/m/trainyard-r.prom"},
         summary="/m/trainyard-r.prom of c is 33m 0s old: its run makes no step"),
)  # fmt: skip


def document(case: Case) -> dict[str, Any]:
    symptom = RULES[case.alert].symptom
    labels = {**case.labels, "severity": symptom.severity, "symptom": symptom.name}
    annotations = {"summary": case.summary, "runbook": f"https://runbooks/{symptom.runbook}.md"}
    expected = [{"exp_labels": labels, "exp_annotations": annotations}]
    return {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [
            {"eval_time": case.quiet, "alertname": case.alert, "exp_alerts": []},
            {"eval_time": case.raised, "alertname": case.alert, "exp_alerts": expected},
        ],
    }


def promtool(folder: Path, *cases: Case) -> tuple[int, str]:
    if reason := missing():
        pytest.skip(reason)
    (folder / "rules.json").write_text(rule_file(GROUPS, runbooks="https://runbooks"))
    tests = {"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": [document(case) for case in cases]}
    (folder / "tests.json").write_text(json.dumps(tests))
    done = subprocess.run(
        [programs() / "promtool", "test", "rules", "tests.json"], cwd=folder, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_each_is_raised_when_it_should_be_and_not_before(tmp_path: Path) -> None:
    code, said = promtool(tmp_path, *CASES)
    assert code == 0, said


def test_each_has_a_case() -> None:
    assert set(RULES) == {case.alert for case in CASES}


def test_what_is_expected_in_vain_is_seen(tmp_path: Path) -> None:
    """promtool itself tells a wrong case from a right one."""
    (case,) = (one for one in CASES if one.alert == "NodeSilent")
    code, said = promtool(tmp_path, Case(**{**vars(case), "raised": "12m"}))
    assert code == 1
    assert "NodeSilent" in said
