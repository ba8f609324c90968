"""Executions: order, branches, failures. No cloud at all."""

import time

import pytest

from .conftest import reject

BEATS = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": "scores.bits"}}


def condition(if_steps=(), else_steps=(), **fields):
    compare = {"Type": "LessThan", "LeftValue": BEATS, "RightValue": {"Get": "Parameters.Threshold"}}
    return {
        "Name": "Beats",
        "Type": "Condition",
        "Arguments": {"Conditions": [compare], "IfSteps": list(if_steps), "ElseSteps": list(else_steps)},
        **fields,
    }


THRESHOLD = [{"Name": "Threshold", "Type": "Float", "DefaultValue": 4.5}]


def test_steps_run_in_the_order_of_their_references(console, fake, training, processing):
    model = {"Std:Join": {"On": "/", "Values": [{"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}, "x"]}}
    evaluate = processing(arguments={"Environment": {"MODEL": model}})
    fake.fates["Train"] = [
        {"TrainingJobStatus": "Completed", "ModelArtifacts": {"S3ModelArtifacts": "s3://artifacts/model.tar.gz"}}
    ]
    console.create(evaluate, training())
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Succeeded"
    assert fake.names() == ["Train", "Evaluate"]
    assert fake.created[1][1]["Environment"] == {"MODEL": "s3://artifacts/model.tar.gz/x"}
    train = console.steps(arn)["Train"]
    assert train["Metadata"]["TrainingJob"]["Arn"].endswith(fake.created[0][0])
    assert (train["StepStatus"], train["AttemptCount"]) == ("Succeeded", 1)
    assert train["StartTime"] <= train["EndTime"]
    assert "CacheHitResult" not in train


def test_a_job_is_named_after_execution_and_step(console, fake, training):
    console.create(training("Train_the-whole-thing-again"))
    arn, _ = console.run()
    _, execution, *step, suffix = fake.created[0][0].split("-")
    assert fake.created[0][0].startswith("pipelines-")
    assert execution == arn.rsplit("/", 1)[-1]
    assert "-".join(step) == "Train-the-whole-thin"
    assert len(suffix) == 10


@pytest.mark.parametrize(("bits", "ran", "status"), [(4.4, "Package", "Succeeded"), (4.6, "Reject", "Failed")])
def test_a_condition_runs_one_branch(console, fake, training, processing, bits, ran, status):
    fake.objects["s3://artifacts/evaluation/evaluation.json"] = {"scores": {"bits": bits}}
    message = {"Std:Join": {"On": " ", "Values": ["bits", BEATS, "beat nothing:", {"Get": "Steps.Beats.Outcome"}]}}
    console.create(processing(), condition([training("Package")], [reject(message)]), parameters=THRESHOLD)
    arn, ended = console.run()
    steps = console.steps(arn)
    assert ended["PipelineExecutionStatus"] == status
    assert list(steps) == [ran, "Beats", "Evaluate"], "newest first"
    assert steps["Beats"]["Metadata"]["Condition"]["Outcome"] == str(bits < 4.5)
    if ran == "Reject":
        assert steps["Reject"]["FailureReason"] == "bits 4.6 beat nothing: false"
        assert steps["Reject"]["Metadata"]["Fail"]["ErrorMessage"] == "bits 4.6 beat nothing: false"
        assert ended["FailureReason"] == (
            "Step failure: One or multiple steps failed. Reject: bits 4.6 beat nothing: false"
        )


def test_a_parameter_changes_the_outcome(console, fake, processing):
    fake.objects["s3://artifacts/evaluation/evaluation.json"] = {"scores": {"bits": 4}}
    console.create(processing(), condition([], [reject("no")]), parameters=THRESHOLD)
    assert console.run(Threshold="3.5")[1]["PipelineExecutionStatus"] == "Failed"
    assert console.run(Threshold="4.5")[1]["PipelineExecutionStatus"] == "Succeeded"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "Failed to read s3://artifacts/evaluation/evaluation.json"),
        (b"not json", "is no JSON"),
        (b'{"scores": {"bits": NaN}}', "NaN is no number in JSON"),
        ({"scores": {}}, "does not exist"),
        ({"scores": {"bits": [1]}}, "not a scalar"),
        ({"scores": {"bits": "4"}}, "cannot compare '4' with 4.5"),
    ],
)
def test_a_bad_property_file_fails_the_condition(console, fake, processing, content, message):
    if content is not None:
        fake.objects["s3://artifacts/evaluation/evaluation.json"] = content
    console.create(processing(), condition([], [reject("no")]), parameters=THRESHOLD)
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert message in console.steps(arn)["Beats"]["FailureReason"]
    assert "Reject" not in console.steps(arn)


def test_a_failure_stops_what_depends_on_it_and_nothing_else(console, fake, training):
    fake.fates["Bad"] = [{"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: exit code 1"}]
    console.create(
        training("Bad"),
        training("After", DependsOn=["Bad"]),
        training("Good"),
        training("AfterGood", DependsOn=["Good"]),
    )
    arn, ended = console.run()
    assert ended["FailureReason"] == "Step failure: One or multiple steps failed. Bad: AlgorithmError: exit code 1"
    assert {name: step["StepStatus"] for name, step in console.steps(arn).items()} == {
        "Bad": "Failed",
        "Good": "Succeeded",
        "AfterGood": "Succeeded",
    }


def test_independent_steps_run_at_once_up_to_the_limit(console, fake, training):
    fake.fates |= {name: ["InProgress"] for name in "ABC"}
    console.create(*(training(name) for name in "ABC"))
    arn = console.call(
        "StartPipelineExecution", PipelineName="flow", ParallelismConfiguration={"MaxParallelExecutionSteps": 2}
    )["PipelineExecutionArn"]
    console.eventually(lambda: len(fake.created) == 2)
    time.sleep(0.3)
    assert fake.names() == ["A", "B"]
    next(iter(fake.jobs.values()))["TrainingJobStatus"] = "Completed"
    console.eventually(lambda: len(fake.created) == 3)
    for job in fake.jobs.values():
        job["TrainingJobStatus"] = "Completed"
    assert console.until(arn, "Succeeded")
