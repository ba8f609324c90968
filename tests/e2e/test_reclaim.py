"""Hosts that are taken away in the middle of training, seen from the command line."""

from __future__ import annotations

import re
from typing import Any

from .deployment import RECLAIMED_STEPS, Deployment


def test_an_execution_survives_a_reclaim_and_says_so(deployment: Deployment, reclaimed: Any) -> None:
    assert reclaimed.returncode == 0, reclaimed.stdout + reclaimed.stderr
    lines = reclaimed.stdout.splitlines()
    interrupted = next(number for number, line in enumerate(lines) if "interrupted: the spot hosts" in line)
    resumed = next(number for number, line in enumerate(lines) if "resumed from the commit at step" in line)
    assert interrupted < resumed
    assert 16 <= int(lines[resumed].rpartition(" ")[2]) < RECLAIMED_STEPS, lines[resumed]
    for name in ("Prepare", "Train", "Evaluate", "BeatsBaseline", "Package", "Register"):
        assert any(re.match(rf"\s+✓ {name} ", line) for line in lines), name
    assert re.fullmatch(r"succeeded in \d+ s", lines[-1])
    assert reclaimed.stderr == ""


def test_the_restart_was_the_same_job(deployment: Deployment, reclaimed: Any) -> None:
    arn = reclaimed.stdout.split()[0]
    train = deployment.steps(arn)["Train"]
    assert train["AttemptCount"] == 1
    name = train["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = deployment.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert [entry["Status"] for entry in job["SecondaryStatusTransitions"]].count("Interrupted") == 1
    assert job["HyperParameters"]["steps"] == str(RECLAIMED_STEPS)
