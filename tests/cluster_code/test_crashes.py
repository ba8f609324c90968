"""A step that is killed in its middle and runs again leaves the machine as one that ran once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cluster_machines
import pytest

from ml_contract.clusters.steps import BY_NAME

OBSTACLE = cluster_machines.obstacle()
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE)]

SHARES = {"add-users": 60, "join-directory": 99, "start-metrics-agent": 20, "restrict-logins": 16, "hook-slurm": 60}
"""Steps that change what runs already, and one of how many of their points is tried; `crash.bash TYPE STEP 1` tries all
of any step."""


@pytest.mark.parametrize("step", SHARES)
def test_a_step_that_was_killed_is_made_whole(step: str, machine_folder: Path) -> None:
    node_type = BY_NAME[step].nodes[0]
    share = str(SHARES[step])
    done = subprocess.run(
        ["bash", str(Path(__file__).with_name("crash.bash")), node_type, step, share],
        env=cluster_machines.environment(machine_folder), capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    first, *complaints = done.stdout.splitlines() or [done.stderr]
    assert first.endswith(" points"), done.stdout + done.stderr
    assert not complaints, done.stdout
