"""A step that is killed in its middle and runs again leaves the machine as one that ran once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cluster_machines
import pytest

from ml_contract.clusters.steps import STEPS

OBSTACLE = cluster_machines.obstacle()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE)]

SHARES = {"add-users": 40, "mount-shared": 25}
"""One point of so many is tried, where a step has many; the whole sweep is `crash.bash TYPE STEP 1`."""


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_a_step_that_was_killed_is_made_whole(step: str, machine_folder: Path) -> None:
    node_type = next(one for one in STEPS if one.name == step).nodes[-1]
    share = str(SHARES.get(step, 10))
    done = subprocess.run(
        ["bash", str(Path(__file__).with_name("crash.bash")), node_type, step, share],
        env=cluster_machines.environment(machine_folder), capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    first, *complaints = done.stdout.splitlines() or [done.stderr]
    assert first.endswith(" points"), done.stdout + done.stderr
    assert not complaints, done.stdout
