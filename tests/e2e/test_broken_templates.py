"""One thing in the deployed template is broken at a time: the run fails, and its message names what is broken.

Every break goes into the stack by UpdateStack. Where steps before the broken one would take time, the broken step's
job is created as its execution would create it: its deployed Arguments, with the expressions resolved.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .deployment import STORAGE, TRAINING, Deployment, Edit, in_definition, statements, step


def execution_failure(deployment: Deployment, edit: Edit) -> tuple[str, dict[str, Any]]:
    """FailureReason of an execution of the broken pipeline, and its steps."""
    with deployment.broken(edit):
        arn = deployment.start()
        found = deployment.ended(arn)
    assert found["PipelineExecutionStatus"] == "Failed"
    return found["FailureReason"], deployment.steps(arn)


def training_failure(deployment: Deployment, edit: Edit, dataset: str) -> str:
    """FailureReason of the broken training step's job."""
    with deployment.broken(edit):
        arguments = deployment.arguments("Train", execution=f"e2e{uuid.uuid4().hex[:8]}", dataset=dataset)
        found = deployment.job("Training", deployment.create_job("Training", arguments))
    assert found["TrainingJobStatus"] == "Failed"
    return found["FailureReason"]


def without(action: str, policy: str, resource: str = "") -> Edit:
    """Takes a permission from a role; with `resource`, only on resources whose text holds it."""

    def edit(template: dict[str, Any]) -> None:
        taken = False
        for statement in statements(template, policy):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if action not in actions:
                continue
            if resource:
                kept = [entry for entry in statement["Resource"] if resource not in str(entry)]
                taken |= kept != statement["Resource"]
                statement["Resource"] = kept
            else:
                taken = True
                statement["Action"] = [entry for entry in actions if entry != action] or ["sts:GetCallerIdentity"]
        assert taken, f"the role never had {action} on {resource or 'anything'}"

    return edit


def with_a_model_at_once(template: dict[str, Any]) -> None:
    """The training step writes a model and ends: what may be uploaded does not depend on what was trained."""

    def edit(definition: dict[str, Any]) -> None:
        specification = step(definition, "Train")["Arguments"]["AlgorithmSpecification"]
        writes = "echo model >${SAGEMAKER_BASE_DIR:-/opt/ml}/model/weights"
        specification["ContainerEntrypoint"] = ["bash", "-c", writes]

    in_definition(edit)(template)


def both(*edits: Edit) -> Edit:
    def edit(template: dict[str, Any]) -> None:
        for each in edits:
            each(template)

    return edit


def hyperparameters(edit: Edit) -> Edit:
    return in_definition(lambda definition: edit(step(definition, "Train")["Arguments"]["HyperParameters"]))


# Through StartPipelineExecution.


def test_a_pipeline_role_that_may_not_pass_the_jobs_role(deployment: Deployment) -> None:
    reason, steps = execution_failure(deployment, without("iam:PassRole", "PipelineRole"))
    assert list(steps) == ["Prepare"]
    assert "is not authorized to perform: iam:PassRole on resource: " in reason
    assert "trainyard-local-training-bytes-lm-PipelineJobsRole" in reason.partition("on resource: ")[2]
    assert "trainyard-local-training-bytes-lm-PipelineRole" in reason.partition("is not authorized")[0]


def test_a_jobs_role_that_may_not_write_data_sets(deployment: Deployment) -> None:
    reason, steps = execution_failure(deployment, without("s3:PutObject", "PipelineJobsRole", "StorageData"))
    assert list(steps) == ["Prepare"]
    assert "s3:PutObject" in reason
    assert deployment.output(STORAGE, "DataBucketName") + "/datasets/bytes-lm/" in reason
    assert "trainyard-local-training-bytes-lm-PipelineJobsRole" in reason


def test_a_role_that_sagemaker_may_not_assume(deployment: Deployment) -> None:
    def edit(template: dict[str, Any]) -> None:
        (role,) = (
            entry
            for name, entry in template["Resources"].items()
            if entry["Type"] == "AWS::IAM::Role" and name.startswith("PipelineJobsRole")
        )
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        statement["Principal"] = {"Service": "ec2.amazonaws.com"}

    reason, steps = execution_failure(deployment, edit)
    assert list(steps) == ["Prepare"]
    assert "trainyard-local-training-bytes-lm-PipelineJobsRole" in reason
    assert "assume" in reason.lower()
    assert "sagemaker.amazonaws.com" in reason


def test_a_wrong_image(deployment: Deployment) -> None:
    def edit(definition: dict[str, Any]) -> None:
        specification = step(definition, "Prepare")["Arguments"]["AppSpecification"]
        specification["ImageUri"] = specification["ImageUri"].replace("/trainyard-training:", "/trainyard-trianing:")

    reason, steps = execution_failure(deployment, in_definition(edit))
    assert list(steps) == ["Prepare"]
    assert "/trainyard-trianing:" in reason


def test_a_bucket_that_does_not_exist(deployment: Deployment) -> None:
    def edit(definition: dict[str, Any]) -> None:
        (output,) = step(definition, "Prepare")["Arguments"]["ProcessingOutputConfig"]["Outputs"]
        output["S3Output"]["S3Uri"]["Std:Join"]["Values"][0] = "s3://no-such-bucket-of-ours/datasets/bytes-lm"

    reason, steps = execution_failure(deployment, in_definition(edit))
    assert list(steps) == ["Prepare"]
    assert "no-such-bucket-of-ours" in reason


# The training step's own job.


def test_a_jobs_role_that_may_not_write_checkpoints(deployment: Deployment, dataset: str) -> None:
    reason = training_failure(deployment, without("s3:PutObject", "PipelineJobsRole", "StorageCheckpoints"), dataset)
    assert "s3:PutObject" in reason
    assert deployment.output(STORAGE, "CheckpointBucketName") in reason


def test_a_jobs_role_that_may_not_write_artifacts(deployment: Deployment, dataset: str) -> None:
    edit = both(without("s3:PutObject", "PipelineJobsRole", "StorageArtifacts"), with_a_model_at_once)
    reason = training_failure(deployment, edit, dataset)
    assert reason.startswith("ClientError: Artifact upload failed")
    assert "s3:PutObject" in reason
    assert deployment.output(STORAGE, "ArtifactBucketName") + "/runs/bytes-lm/" in reason


def test_a_wrong_entrypoint_module(deployment: Deployment, dataset: str) -> None:
    def edit(definition: dict[str, Any]) -> None:
        command = step(definition, "Train")["Arguments"]["AlgorithmSpecification"]["ContainerEntrypoint"]
        command[-1] = command[-1].replace("training_code.launcher", "training_code.luancher")

    reason = training_failure(deployment, in_definition(edit), dataset)
    assert "training_code.luancher" in reason


def test_a_missing_channel(deployment: Deployment, dataset: str) -> None:
    def edit(definition: dict[str, Any]) -> None:
        channels = step(definition, "Train")["Arguments"]["InputDataConfig"]
        channels[:] = [channel for channel in channels if channel["ChannelName"] != "train"]

    reason = training_failure(deployment, in_definition(edit), dataset)
    assert "channel" in reason
    assert "'train'" in reason


def test_a_channel_that_points_at_nothing(deployment: Deployment, dataset: str) -> None:
    def edit(definition: dict[str, Any]) -> None:
        channels = step(definition, "Train")["Arguments"]["InputDataConfig"]
        (channel,) = (channel for channel in channels if channel["ChannelName"] == "train")
        place = channel["DataSource"]["S3DataSource"]["S3Uri"]["Std:Join"]["Values"]
        assert place.pop() == "train"
        place.append("trian")

    reason = training_failure(deployment, in_definition(edit), dataset)
    assert reason.startswith("ClientError: Data download failed")
    assert f"{dataset}/trian" in reason


def test_a_misspelled_hyperparameter(deployment: Deployment, dataset: str) -> None:
    def edit(values: dict[str, Any]) -> None:
        optimizer = json.loads(values["optimizer"])
        values["optimizer"] = json.dumps({"learnig_rate": optimizer.pop("learning_rate"), **optimizer})

    reason = training_failure(deployment, hyperparameters(edit), dataset)
    assert "optimizer.learnig_rate" in reason
    assert "learning_rate" in reason, "the message does not say how it is spelled"


@pytest.mark.parametrize(
    ("name", "value", "rule"), [("steps", "many", "int"), ("global_batch_size", "7", "multiple"), ("seed", "-1", "0")]
)
def test_a_hyperparameter_out_of_its_domain(
    deployment: Deployment, dataset: str, name: str, value: str, rule: str
) -> None:
    reason = training_failure(deployment, hyperparameters(lambda values: values.update({name: value})), dataset)
    assert name in reason
    assert value in reason
    assert rule in reason


def test_a_definition_that_the_service_refuses_is_refused_by_the_update(deployment: Deployment) -> None:
    before = deployment.definition()

    def edit(definition: dict[str, Any]) -> None:
        step(definition, "Train")["Arguments"]["ResourceConfig"]["InstanceTypo"] = "ml.c5.xlarge"

    template = deployment.template()
    in_definition(edit)(template)
    with pytest.raises(Exception, match=r"UPDATE_ROLLBACK_COMPLETE|terminal failure"):
        deployment.update(template)
    events = deployment.client("cloudformation").describe_stack_events(StackName=TRAINING)
    reasons = [event.get("ResourceStatusReason", "") for event in events["StackEvents"]]
    assert any("InstanceTypo" in reason for reason in reasons), reasons
    assert deployment.definition() == before


def test_an_output_bucket_of_somebody_else_is_denied_to_the_job(deployment: Deployment, dataset: str) -> None:
    client = deployment.client("s3")
    client.create_bucket(Bucket="somebody-elses-bucket")

    def edit(definition: dict[str, Any]) -> None:
        place = step(definition, "Train")["Arguments"]["OutputDataConfig"]["S3OutputPath"]["Std:Join"]
        place["Values"][0] = "s3://somebody-elses-bucket/runs"

    reason = training_failure(deployment, both(in_definition(edit), with_a_model_at_once), dataset)
    assert "s3:PutObject" in reason
    assert "somebody-elses-bucket/runs/" in reason
    assert client.list_objects_v2(Bucket="somebody-elses-bucket").get("KeyCount", 0) == 0


def test_a_job_name_that_is_taken_is_refused(deployment: Deployment, dataset: str) -> None:
    arguments = deployment.arguments("Train", execution="e2etaken", dataset=dataset)
    arguments["HyperParameters"]["steps"] = "nonsense"
    name = deployment.create_job("Training", arguments)
    with pytest.raises(ClientError, match=name) as caught:
        deployment.client("sagemaker").create_training_job(TrainingJobName=name, **arguments)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    deployment.job("Training", name)
