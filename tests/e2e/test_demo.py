"""`make demo`, on a cloud of its own: everything holds, and a second run does nothing twice."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import synthesis
from ports import free_port

from trainyard.local.cloud import ROOT, Cloud
from trainyard.operations import executions
from trainyard.operations.connection import connect

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PIPELINE = "trainyard-local-bytes-lm"
STEPS = "115"
"""Of the 160 that `make demo` takes: enough to beat the baseline."""


def demo(cloud: Cloud, report: Path, assembly: Path) -> str:
    command = [sys.executable, "-m", "trainyard.demo", "--port", str(cloud.port), "--state", str(cloud.state)]
    done = subprocess.run(
        [*command, "--report", str(report), "--steps", STEPS, "--assembly", str(assembly)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=850,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(1800)
def test_the_main_job_holds_and_runs_nothing_twice(tmp_path: Path) -> None:
    cloud = Cloud(state=tmp_path / "state", port=free_port())
    assembly = synthesis.assembly_of_its_own(tmp_path)
    try:
        first = " ".join(demo(cloud, tmp_path / "report.html", assembly).split())
        for shown in (
            "a second deploy reports no changes",
            "0 not readable",
            "interrupted: the spot hosts were reclaimed",
            "losses equal the undisturbed run's, bit for bit",
            "bits per byte on held-out files",
            "requests through invoke_endpoint",
            "everything held",
        ):
            assert shown in first
        ran = executions.recent(connect(cloud), PIPELINE)
        began = time.monotonic()
        second = demo(cloud, tmp_path / "report.html", assembly)
        print(f"second run: {time.monotonic() - began:.0f} s")
        assert "everything held" in second
        assert [each["PipelineExecutionArn"] for each in executions.recent(connect(cloud), PIPELINE)] == [
            each["PipelineExecutionArn"] for each in ran
        ]
        assert (tmp_path / "report.html").stat().st_size > 2**20
    finally:
        cloud.down()
