"""Executions that are stopped, tried again, or outlive the cloud. No cloud at all."""

import time

import pytest

from trainyard.local.api.errors import ServiceError

from .conftest import LOST, POLICY, reject


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
