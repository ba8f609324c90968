"""Executions: order, branches, failures, retries, stops, and what survives a restart. No cloud at all."""

import time

import pytest

from trainyard.local.api.errors import ServiceError

from .conftest import refusal, unreachable

BEATS = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": "scores.bits"}}


def condition(if_steps=(), else_steps=(), **fields):
    compare = {"Type": "LessThan", "LeftValue": BEATS, "RightValue": {"Get": "Parameters.Threshold"}}
    return {
        "Name": "Beats",
        "Type": "Condition",
        "Arguments": {"Conditions": [compare], "IfSteps": list(if_steps), "ElseSteps": list(else_steps)},
        **fields,
    }


def reject(message):
    return {"Name": "Reject", "Type": "Fail", "Arguments": {"ErrorMessage": message}}


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


POLICY = {"IntervalSeconds": 0, "MaxAttempts": 2, "ExceptionType": ["SageMaker.CAPACITY_ERROR"]}
LOST = {"TrainingJobStatus": "Failed", "FailureReason": "CapacityError: Unable to provision capacity."}


def test_a_retried_step_makes_a_new_job_with_the_same_arguments(console, fake, training):
    now = {"Std:Join": {"On": "/", "Values": ["s3://checkpoints", {"Get": "Execution.CurrentDateTime"}]}}
    fake.fates["Train"] = [LOST, LOST, "Completed"]
    console.create(training(arguments={"CheckpointConfig": {"S3Uri": now}}, RetryPolicies=[POLICY]))
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Succeeded"
    assert console.steps(arn)["Train"]["AttemptCount"] == 3
    requests = [dict(request) for _, request in fake.created]
    assert len({request.pop("TrainingJobName") for request in requests}) == 3
    assert requests[0] == requests[1] == requests[2]


def test_retries_cease_at_the_limit(console, fake, training):
    fake.fates["Train"] = [LOST, LOST, LOST, "Completed"]
    console.create(training(RetryPolicies=[POLICY]))
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert console.steps(arn)["Train"]["AttemptCount"] == 3


def test_a_policy_retries_only_what_it_names(console, fake, training):
    fake.fates["Train"] = [{"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no"}]
    console.create(training(RetryPolicies=[POLICY]))
    arn, _ = console.run()
    assert console.steps(arn)["Train"]["AttemptCount"] == 1


def test_throttling_is_retried_without_a_policy(console, fake, training):
    fake.fates["Train"] = [refusal("ThrottlingException")]
    console.create(training())
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Succeeded"
    assert console.steps(arn)["Train"]["AttemptCount"] == 2


def test_a_refused_call_fails_the_step_with_the_reason_of_aws(console, fake, training):
    said = "User: arn:aws:sts::123456789012:assumed-role/pipeline/SageMaker is not authorized to perform: iam:PassRole"
    fake.fates["Train"] = [refusal("AccessDeniedException", said)]
    console.create(training())
    arn, _ = console.run()
    assert console.steps(arn)["Train"]["FailureReason"] == (
        f"ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: {said}"
    )


def test_a_job_that_may_not_be_looked_at_is_stopped(console, fake, training):
    def deny(_):
        raise refusal("AccessDeniedException", "not authorized to perform: sagemaker:DescribeTrainingJob")

    fake.before_describe = deny
    console.create(training())
    arn, _ = console.run()
    assert "sagemaker:DescribeTrainingJob" in console.steps(arn)["Train"]["FailureReason"]
    assert fake.stopped == ["Train"]


@pytest.mark.parametrize("error", [refusal("ThrottlingException"), refusal("InternalFailure", status=500)])
def test_a_passing_trouble_while_waiting_changes_nothing(console, fake, training, error):
    errors = [error, unreachable(), error]

    def trouble(_):
        if errors:
            raise errors.pop()

    fake.before_describe = trouble
    console.create(training())
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Succeeded"
    assert console.steps(arn)["Train"]["AttemptCount"] == 1


def test_a_call_without_an_answer_is_made_again(console, fake, training):
    fake.fates["Train"] = [unreachable()]
    console.create(training())
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Succeeded"
    assert console.steps(arn)["Train"]["AttemptCount"] == 1


def test_stop_stops_the_running_job_and_starts_nothing_more(console, fake, training):
    fake.fates["Train"] = ["InProgress"]
    console.create(training(), training("After", DependsOn=["Train"]))
    arn = console.start()
    console.eventually(lambda: fake.created)
    console.call("StopPipelineExecution", PipelineExecutionArn=arn)
    assert "FailureReason" not in console.until(arn, "Stopped")
    assert fake.stopped == ["Train"]
    assert {name: step["StepStatus"] for name, step in console.steps(arn).items()} == {"Train": "Stopped"}
    with pytest.raises(ServiceError, match="its status is Stopped"):
        console.call("StopPipelineExecution", PipelineExecutionArn=arn)


def test_a_job_that_may_not_be_stopped_is_awaited(console, fake, training):
    fake.fates["Train"] = ["InProgress"]
    console.create(training(), training("After", DependsOn=["Train"]))
    arn = console.start()
    console.eventually(lambda: fake.created)
    fake.deny_stop = True
    console.call("StopPipelineExecution", PipelineExecutionArn=arn)
    time.sleep(0.3)
    assert console.describe(arn)["PipelineExecutionStatus"] == "Stopping"
    fake.jobs[fake.created[0][0]]["TrainingJobStatus"] = "Completed"
    console.until(arn, "Stopped")
    assert console.steps(arn)["Train"]["StepStatus"] == "Succeeded"
    assert fake.names() == ["Train"]


def test_stop_ends_a_step_that_waits_for_its_retry(console, fake, training):
    fake.fates["Train"] = [LOST]
    console.create(training(RetryPolicies=[POLICY | {"IntervalSeconds": 3600}]))
    arn = console.start()
    console.eventually(lambda: console.steps(arn).get("Train", {}).get("AttemptCount") == 2)
    console.call("StopPipelineExecution", PipelineExecutionArn=arn)
    console.until(arn, "Stopped")
    assert console.steps(arn)["Train"]["StepStatus"] == "Stopped"
    assert len(fake.created) == 1


def test_a_job_that_somebody_stopped_fails_the_execution(console, fake, training):
    fake.fates["Train"] = [{"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}]
    console.create(training(), training("After", DependsOn=["Train"]))
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert "MaxRuntimeExceeded" in ended["FailureReason"]
    assert console.steps(arn)["Train"]["StepStatus"] == "Stopped"


def test_a_fail_step_stops_what_runs_beside_it(console, fake, training):
    fake.fates["Long"] = ["InProgress"]
    console.create(training("Long"), reject("enough"))
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert console.steps(arn)["Long"]["StepStatus"] == "Stopped"


def test_retry_runs_only_what_had_not_succeeded(console, fake, training):
    fake.fates["Train"] = [{"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no"}]
    console.create(training("Prepare"), training("Train", DependsOn=["Prepare"]))
    arn, ended = console.run()
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert console.call("RetryPipelineExecution", PipelineExecutionArn=arn)["PipelineExecutionArn"] == arn
    ended = console.until(arn, "Succeeded")
    assert "FailureReason" not in ended
    assert fake.names() == ["Prepare", "Train", "Train"]
    with pytest.raises(ServiceError, match="cannot be retried: its status is Succeeded"):
        console.call("RetryPipelineExecution", PipelineExecutionArn=arn)


def test_an_execution_goes_on_after_a_restart(console, fake, training):
    fake.fates["Train"] = ["InProgress"]
    console.create(training(), training("After", DependsOn=["Train"]))
    arn = console.start()
    console.eventually(lambda: fake.created)
    console.family.stop()
    fake.jobs[fake.created[0][0]]["TrainingJobStatus"] = "Completed"
    time.sleep(0.3)
    assert console.describe(arn)["PipelineExecutionStatus"] == "Executing", "nobody runs it"
    console.boot()
    console.service.start()
    assert console.until(arn, "Succeeded")
    assert fake.names() == ["Train", "After"]


def test_a_job_that_was_created_but_not_written_down_is_found_again(console, fake, training):
    fake.fates["Train"] = ["InProgress"]
    console.create(training())
    arn = console.start()
    console.eventually(lambda: console.steps(arn).get("Train", {}).get("StepStatus") == "Executing")
    console.family.stop()
    name = fake.created[0][0]

    def forget(document):
        document["Steps"]["Train"]["StepStatus"] = "Starting"
        del document["Steps"]["Train"]["Metadata"]

    console.store.modify("pipeline-execution", arn, forget)
    fake.jobs[name]["TrainingJobStatus"] = "Completed"
    console.boot()
    console.service.start()
    assert console.until(arn, "Succeeded")
    assert console.steps(arn)["Train"]["Metadata"]["TrainingJob"]["Arn"].endswith(name)


def test_a_job_that_died_with_the_cloud_is_retried_by_its_policy(console, fake, training):
    fake.fates["Train"] = ["InProgress"]
    policy = POLICY | {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"]}
    console.create(training(RetryPolicies=[policy]))
    arn = console.start()
    console.eventually(lambda: fake.created)
    console.family.stop()
    fake.jobs[fake.created[0][0]] |= {"TrainingJobStatus": "Failed", "FailureReason": "InternalServerError: gone"}
    console.boot()
    console.service.start()
    assert console.until(arn, "Succeeded")
    assert console.steps(arn)["Train"]["AttemptCount"] == 2


def test_an_execution_keeps_the_definition_it_started_with(console, fake, training):
    fake.fates["Train"] = ["InProgress"]
    console.create(training(), training("Old", DependsOn=["Train"]))
    arn = console.start()
    console.eventually(lambda: fake.created)
    before = console.call("DescribePipelineDefinitionForExecution", PipelineExecutionArn=arn)["PipelineDefinition"]
    console.call("UpdatePipeline", PipelineName="flow", PipelineDefinition=before.replace('"Old"', '"New"'))
    fake.jobs[fake.created[0][0]]["TrainingJobStatus"] = "Completed"
    console.until(arn, "Succeeded")
    assert fake.names() == ["Train", "Old"]
    assert (
        console.call("DescribePipelineDefinitionForExecution", PipelineExecutionArn=arn)["PipelineDefinition"] == before
    )
    console.run()
    assert fake.names() == ["Train", "Old", "Train", "New"]


def test_a_mistake_of_ours_ends_the_execution_with_a_reason(console, fake, training):
    def burst(_):
        raise RuntimeError("burst")

    fake.before_describe = burst
    console.create(training())
    _, ended = console.run()
    assert ended["FailureReason"] == "InternalServerError: RuntimeError: burst"
