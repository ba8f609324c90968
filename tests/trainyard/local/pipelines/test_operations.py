"""The operations: pipelines, tokens, lists, and what they refuse."""

import json

import pytest

from trainyard.local.api.errors import ServiceError

from .conftest import ROLE

FAIL = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Why"}}}
WHY = [{"Name": "Why", "Type": "String", "DefaultValue": "because"}]
TOKEN = "0123456789abcdef" * 2


def code(error):
    return error.value.code


def test_a_pipeline_is_described_as_it_was_created(console):
    arn = console.create(FAIL, parameters=WHY)
    described = console.call("DescribePipeline", PipelineName="flow")
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flow"
    assert described == console.call("DescribePipeline", PipelineName=arn)
    assert described["PipelineStatus"] == "Active"
    assert described["PipelineDisplayName"] == "flow"
    assert json.loads(described["PipelineDefinition"])["Steps"] == [FAIL]
    assert described["CreatedBy"]["IamIdentity"]["Arn"] == "arn:aws:iam::123456789012:user/tester"


def test_a_name_is_taken_once_and_a_token_counts_once(console):
    definition = json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "Stop", "Type": "Fail"}]})
    request = {"PipelineName": "flow", "RoleArn": ROLE, "PipelineDefinition": definition}
    first = console.call("CreatePipeline", **request, ClientRequestToken=TOKEN)
    assert console.call("CreatePipeline", **request, ClientRequestToken=TOKEN) == first
    with pytest.raises(ServiceError, match=r"Pipeline with name \(flow\) already exists"):
        console.call("CreatePipeline", **request)


def test_a_role_must_exist(console):
    with pytest.raises(ServiceError, match="RoleArn: got 'arn:aws:iam::123456789012:role/none', but there is no such"):
        console.call(
            "CreatePipeline",
            PipelineName="flow",
            RoleArn="arn:aws:iam::123456789012:role/none",
            PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "Stop", "Type": "Fail"}]}),
        )


def test_a_refused_update_changes_nothing(console):
    console.create(FAIL, parameters=WHY)
    before = console.call("DescribePipeline", PipelineName="flow")
    with pytest.raises(ServiceError, match="Steps: it must be a list"):
        console.call("UpdatePipeline", PipelineName="flow", PipelineDefinition='{"Version": "2020-12-01"}')
    assert console.call("DescribePipeline", PipelineName="flow") == before


@pytest.mark.parametrize(
    "operation", ["DescribePipeline", "StartPipelineExecution", "UpdatePipeline", "DeletePipeline"]
)
def test_a_pipeline_that_is_not_there_is_not_found(console, operation):
    with pytest.raises(ServiceError, match="pipeline/none' does not exist") as error:
        console.call(operation, PipelineName="none")
    assert code(error) == "ResourceNotFound"


def test_the_same_token_is_the_same_execution(console):
    console.create(FAIL, parameters=WHY)
    request = {"PipelineName": "flow", "ClientRequestToken": TOKEN}
    first = console.call("StartPipelineExecution", **request)
    assert console.call("StartPipelineExecution", **request) == first
    assert len(console.call("ListPipelineExecutions", PipelineName="flow")["PipelineExecutionSummaries"]) == 1
    with pytest.raises(ServiceError, match="Use a new token") as error:
        console.call("StartPipelineExecution", **request, PipelineParameters=[{"Name": "Why", "Value": "x"}])
    assert code(error) == "ConflictException"


def test_a_token_is_free_again_when_its_start_was_refused(console):
    console.create(FAIL, parameters=WHY)
    request = {"PipelineName": "flow", "ClientRequestToken": TOKEN}
    with pytest.raises(ServiceError, match="did you mean 'Why'"):
        console.call("StartPipelineExecution", **request, PipelineParameters=[{"Name": "Who", "Value": "x"}])
    assert console.call("StartPipelineExecution", **request)


def test_a_token_whose_execution_was_lost_starts_it(console):
    console.create(FAIL, parameters=WHY)
    request = {"PipelineName": "flow", "ClientRequestToken": TOKEN}
    first = console.call("StartPipelineExecution", **request)["PipelineExecutionArn"]
    console.until(first, "Failed")
    console.store.delete("pipeline-execution", first)
    second = console.call("StartPipelineExecution", **request)["PipelineExecutionArn"]
    assert console.until(second, "Failed")


def test_an_execution_tells_its_parameters_and_its_reason(console):
    console.create(FAIL, parameters=WHY)
    arn, ended = console.run(Why="I said so")
    assert ended["FailureReason"].endswith("Stop: I said so")
    listed = console.call("ListPipelineParametersForExecution", PipelineExecutionArn=arn)["PipelineParameters"]
    assert listed == [{"Name": "Why", "Value": "I said so"}]
    (summary,) = console.call("ListPipelineExecutions", PipelineName="flow")["PipelineExecutionSummaries"]
    assert summary["PipelineExecutionFailureReason"] == ended["FailureReason"]
    assert summary["StartTime"] == ended["CreationTime"]


def test_executions_are_listed_in_pages_newest_first(console):
    console.create(FAIL, parameters=WHY)
    started = [console.run()[0] for _ in range(3)]
    first = console.call("ListPipelineExecutions", PipelineName="flow", MaxResults=2)
    rest = console.call("ListPipelineExecutions", PipelineName="flow", NextToken=first["NextToken"])
    listed = first["PipelineExecutionSummaries"] + rest["PipelineExecutionSummaries"]
    assert [item["PipelineExecutionArn"] for item in listed] == started[::-1]
    ascending = console.call("ListPipelineExecutions", PipelineName="flow", SortOrder="Ascending")
    assert [item["PipelineExecutionArn"] for item in ascending["PipelineExecutionSummaries"]] == started


def test_pipelines_are_listed_by_prefix_and_name(console):
    for name in ("b-2", "a-1", "b-1"):
        console.create(FAIL, parameters=WHY, name=name)
    found = console.call("ListPipelines", PipelineNamePrefix="b", SortBy="Name", SortOrder="Ascending")
    assert [item["PipelineName"] for item in found["PipelineSummaries"]] == ["b-1", "b-2"]


def test_a_pipeline_with_a_running_execution_is_not_deleted(console, fake, training):
    fake.fates["Train"] = ["InProgress"]
    console.create(training())
    arn = console.start()
    with pytest.raises(ServiceError, match="has running executions") as error:
        console.call("DeletePipeline", PipelineName="flow")
    assert code(error) == "ConflictException"
    console.call("StopPipelineExecution", PipelineExecutionArn=arn)
    console.until(arn, "Stopped")
    console.call("DeletePipeline", PipelineName="flow")
    with pytest.raises(ServiceError, match="does not exist"):
        console.describe(arn)


def test_an_execution_is_renamed(console):
    console.create(FAIL, parameters=WHY)
    arn, before = console.run()
    assert before["PipelineExecutionDisplayName"].startswith("execution-")
    console.call("UpdatePipelineExecution", PipelineExecutionArn=arn, PipelineExecutionDisplayName="mine")
    assert console.describe(arn)["PipelineExecutionDisplayName"] == "mine"


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ("StartPipelineExecution", {"PipelineVersionId": 1}),
        ("StartPipelineExecution", {"SelectiveExecutionConfig": {"SelectedSteps": [{"StepName": "Stop"}]}}),
        ("StartPipelineExecution", {"MlflowExperimentName": "x"}),
        ("UpdatePipeline", {"PipelineDefinitionS3Location": {"Bucket": "bucket", "ObjectKey": "key"}}),
    ],
)
def test_what_is_not_run_is_refused(console, operation, field):
    console.create(FAIL, parameters=WHY)
    with pytest.raises(ServiceError, match=f"{next(iter(field))}: got .*the embedded cloud does not run this"):
        console.call(operation, PipelineName="flow", **field)


def test_an_experiment_is_told_with_its_values(console):
    definition = {
        "Version": "2020-12-01",
        "PipelineExperimentConfig": {
            "ExperimentName": {"Get": "Execution.PipelineName"},
            "TrialName": {"Get": "Execution.PipelineExecutionId"},
        },
        "Steps": [{"Name": "Stop", "Type": "Fail"}],
    }
    console.call("CreatePipeline", PipelineName="flow", RoleArn=ROLE, PipelineDefinition=json.dumps(definition))
    arn, ended = console.run()
    assert ended["PipelineExperimentConfig"] == {"ExperimentName": "flow", "TrialName": arn.rsplit("/", 1)[-1]}
