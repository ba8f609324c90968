"""Pipelines on the real daemon, driven by the SageMaker SDK."""

import json
import uuid

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def sdk(cloud, monkeypatch):
    """The resource classes of the SageMaker SDK, pointed at the cloud."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return pytest.importorskip("sagemaker.core.resources", reason="the SageMaker SDK is not installed")


def test_the_sagemaker_sdk_drives_the_whole_way(sdk, yard):
    group = sdk.ModelPackageGroup.create(model_package_group_name=f"models-{uuid.uuid4().hex[:8]}")
    assert group.model_package_group_status == "Completed"
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Threshold", "Type": "Float", "DefaultValue": 4.5}],
        "Steps": yard.whole(group.model_package_group_name),
    }
    pipeline = sdk.Pipeline.create(
        pipeline_name=f"flow-{uuid.uuid4().hex[:8]}",
        client_request_token=uuid.uuid4().hex,
        role_arn=yard.role,
        pipeline_definition=json.dumps(definition),
    )
    assert pipeline.pipeline_status == "Active"
    started = yard.start(pipeline.pipeline_name, Threshold="5")
    execution = sdk.PipelineExecution.get(pipeline_execution_arn=started)
    execution.wait_for_status("Succeeded", poll=1, timeout=60)
    steps = {step.step_name: step for step in execution.get_all_steps()}
    assert {name: step.step_status for name, step in steps.items()} == dict.fromkeys(
        ("Train", "Evaluate", "Beats", "Register"), "Succeeded"
    )
    assert [(given.name, given.value) for given in execution.get_all_parameters()] == [("Threshold", "5")]
    assert [item.pipeline_execution_arn for item in sdk.PipelineExecution.get_all(pipeline.pipeline_name)] == [started]

    # Updating and listing versions fails inside SDK 3.27, against AWS too: it expects them to have a ModelPackageName.
    arn = steps["Register"].metadata.register_model.arn
    yard.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    package = sdk.ModelPackage.get(model_package_name=arn)
    assert (package.model_package_version, package.model_approval_status) == (1, "Approved")
    assert package.model_package_status == "Completed"
    with pytest.raises(Exception, match="holds 1 model package"):
        group.delete()
    pipeline.delete(client_request_token=uuid.uuid4().hex)
    with pytest.raises(Exception, match="does not exist"):
        pipeline.refresh()


def test_a_definition_that_the_sdk_wrote_is_run(sdk, yard):
    from sagemaker.core.workflow.conditions import ConditionEquals, ConditionIn, ConditionNot, ConditionOr
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join
    from sagemaker.core.workflow.parameters import ParameterInteger, ParameterString
    from sagemaker.mlops.workflow.condition_step import ConditionStep
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.pipeline import Pipeline

    number = ParameterInteger(name="Number", default_value=2)
    color = ParameterString(name="Color", default_value="red", enum_values=["red", "blue"])
    condition = ConditionStep(
        name="Check",
        conditions=[
            ConditionNot(ConditionEquals(left=number, right=3)),
            ConditionOr([ConditionIn(value=color, in_values=["red"]), ConditionEquals(left=number, right=7)]),
        ],
    )
    message = Join(on=" ", values=[number, color, condition.properties.Outcome, ExecutionVariables.PIPELINE_NAME])
    fail = FailStep(name="Stop", error_message=message, depends_on=[condition])
    pipeline = Pipeline(name=f"flow-{uuid.uuid4().hex[:8]}", parameters=[number, color], steps=[condition, fail])
    assert pipeline.upsert(role_arn=yard.role)["PipelineArn"] == pipeline.upsert(role_arn=yard.role)["PipelineArn"]
    execution = pipeline.start(parameters={"Color": "blue", "Number": 7})
    assert yard.ended(execution.arn)["FailureReason"].endswith(f"Stop: 7 blue true {pipeline.name}")
    assert execution.list_steps()[0]["Metadata"]["Fail"]["ErrorMessage"] == f"7 blue true {pipeline.name}"
