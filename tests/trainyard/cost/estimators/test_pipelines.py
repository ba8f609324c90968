"""What a run of a pipeline bills."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainyard.cost.scenes import estimated, lines, pipeline, training
from trainyard.cost.lines import Kind


def test_a_run_is_at_most_its_time_limit(tmp_path: Path) -> None:
    """The case of the cost table: 8 h of ml.p4d.24xlarge at 32.77 are 262.16."""
    (line,) = lines(estimated(tmp_path, pipeline(training())), "Pipeline")
    assert (line.kind, round(line.run or 0, 2)) == (Kind.RUN, 262.16)


def test_spot_is_shown_beside_the_price_it_saves_from(tmp_path: Path) -> None:
    """The same case: 78.64 at 9.83."""
    step = training()
    step["Arguments"]["EnableManagedSpotTraining"] = True
    first, note = lines(estimated(tmp_path, pipeline(step)), "Pipeline")
    assert round(first.run or 0, 2) == 262.16
    assert note.kind is Kind.NOTE
    assert "78.64 a run instead" in note.how


def test_volumes_warm_pools_and_plans_of_a_training_step(tmp_path: Path) -> None:
    warm = lines(estimated(tmp_path, pipeline(training(VolumeSizeInGB=730, KeepAlivePeriodInSeconds=1800))), "Pipeline")
    assert [round(line.run or 0, 3) for line in warm] == [262.16, round(8 * 0.14, 3), round(32.77 / 2, 3)]
    (plan,) = lines(estimated(tmp_path, pipeline(training(TrainingPlanArn="arn"))), "Pipeline")
    assert plan.run == pytest.approx(8 * 13.57)


def test_a_tuning_step_bills_for_all_its_jobs(tmp_path: Path) -> None:
    arguments = {
        "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxNumberOfTrainingJobs": 5}},
        "TrainingJobDefinition": training()["Arguments"],
    }
    (line,) = lines(
        estimated(tmp_path, pipeline({"Name": "Tune", "Type": "Tuning", "Arguments": arguments})), "Pipeline"
    )
    assert line.run == pytest.approx(5 * 262.16)


def test_both_branches_count_and_the_pipelines_own_parameters_resolve(tmp_path: Path) -> None:
    inner = training(InstanceCount={"Get": "Parameters.Hosts"})
    branch = {"Name": "If", "Type": "Condition", "Arguments": {"IfSteps": [inner], "ElseSteps": [training()]}}
    found = estimated(tmp_path, pipeline(branch, parameters=({"Name": "Hosts", "DefaultValue": 2},)))
    assert [round(line.run or 0, 2) for line in lines(found, "Pipeline")] == [524.32, 262.16]


def test_a_pipelines_parameter_without_a_default_is_unknown(tmp_path: Path) -> None:
    (line,) = lines(estimated(tmp_path, pipeline(training(InstanceCount={"Get": "Parameters.Hosts"}))), "Pipeline")
    assert (line.kind, line.run) == (Kind.UNKNOWN, None)
    assert "Parameters.Hosts" in line.how


def test_a_price_of_another_use_stands_in_only_as_an_assumption(tmp_path: Path) -> None:
    cluster = {"ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1}},
               "StoppingCondition": {"MaxRuntimeInSeconds": 3600}}  # fmt: skip
    steps = pipeline({"Name": "Prepare", "Type": "Processing", "Arguments": cluster})
    (line,) = lines(estimated(tmp_path, steps), "Pipeline")
    assert (line.run, line.assumed[-1]) == (1.0, "processing costs what hosting does (jobs_cost_as_hosting=1)")
    (line,) = lines(estimated(tmp_path, steps, assume={"jobs_cost_as_hosting": 0}), "Pipeline")
    assert line.missing == ("ml.g5.xlarge/processing",)
