"""Retries of steps, and calls that are refused or get no answer. No cloud at all."""

import pytest

from .conftest import LOST, POLICY, refusal, unreachable


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


@pytest.mark.slow
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
