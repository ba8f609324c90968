"""Definitions: whatever cannot be run is refused when a pipeline is stored, by step and field."""

import json

import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.pipelines.definition import parse

FAIL = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
EQUAL = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}


def text(*steps, **fields):
    return json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": list(steps), **fields})


def refused(*steps, **fields):
    with pytest.raises(ServiceError) as error:
        parse(text(*steps, **fields))
    assert error.value.code == "ValidationException"
    start = "Unable to parse pipeline definition. Model Validation failed: "
    assert error.value.message.startswith(start)
    return error.value.message.removeprefix(start)


def condition(**arguments):
    return {"Name": "If", "Type": "Condition", "Arguments": {"Conditions": [EQUAL], **arguments}}


def changed(step, path, value):
    """The step with another value (or none) at a path of its arguments."""
    step = json.loads(json.dumps(step))
    inner = step["Arguments"]
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return step


def test_a_definition_is_read_with_its_order(training, processing):
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": "models",
            "InferenceSpecification": {
                "Containers": [{"Image": "i", "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}]
            },
        },
    }
    score = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": "a"}}
    compare = {"Type": "LessThan", "LeftValue": score, "RightValue": 1}
    read = parse(
        text(
            training(),
            processing(DependsOn=["Train"]),
            condition(Conditions=[compare], IfSteps=[register], ElseSteps=[FAIL]),
        )
    )
    assert list(read.steps) == ["Train", "Evaluate", "If", "Register", "Stop"]
    assert {name: set(step.dependencies) for name, step in read.steps.items()} == {
        "Train": set(),
        "Evaluate": {"Train"},
        "If": {"Evaluate"},
        "Register": {"If", "Train"},
        "Stop": {"If"},
    }
    assert read.steps["Register"].branch == ("If", True)
    assert read.steps["Stop"].branch == ("If", False)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("RoleArn",), None, "Step 'Train': Value null at 'Arguments.RoleArn' failed to satisfy constraint"),
        (
            ("ResourceConfig", "InstanceCount"),
            -1,
            "Step 'Train': Value '-1' at 'Arguments.ResourceConfig.InstanceCount'",
        ),
        (("ResourceConfig", "InstanceType"), "ml.x", "Step 'Train': Value 'ml.x' at 'Arguments.ResourceConfig.Insta"),
        (("HyperParams",), {}, "Step 'Train': Unknown parameter 'Arguments.HyperParams'"),
        (("TrainingJobName",), "mine", "Step 'Train': Arguments.TrainingJobName: the pipeline names what a step"),
        (("RoleArn",), {"Get": "Parameters.Role"}, "Step 'Train': Parameters.Role: the pipeline has no such parameter"),
        (("RoleArn",), {"Get": "Steps.Prepare.RoleArn"}, "Step 'Train': Steps.Prepare.RoleArn: the pipeline has no st"),
        (("RoleArn",), {"Get": "Steps.Evaluate.Role"}, "Step 'Train': Steps.Evaluate.Role: DescribeProcessingJob has"),
        (("RoleArn",), {"Get": "Execution.Role"}, "Step 'Train': Arguments: Get: 'Execution.Role' is no execution var"),
        (("RoleArn",), {"Get": "Parameters.Count"}, "Step 'Train': Arguments.RoleArn: cannot assign Parameters.Count"),
        (
            ("ResourceConfig", "InstanceCount"),
            {"Get": "Steps.Evaluate.ProcessingJobName"},
            "Step 'Train': Arguments.ResourceConfig.InstanceCount: cannot assign Steps.Evaluate.ProcessingJobName",
        ),
        (
            ("HyperParameters",),
            {"a": {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Other"}, "Path": "a"}}},
            "Step 'Train': Steps.Evaluate.PropertyFiles.Other: the step has no such property file; it has Evaluation",
        ),
    ],
)
def test_a_bad_argument_is_refused(training, processing, path, value, message):
    parameters = [{"Name": "Count", "Type": "Integer", "DefaultValue": 1}]
    assert refused(processing(), changed(training(), path, value), Parameters=parameters).startswith(message)


@pytest.mark.parametrize(
    "value",
    [
        {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"},
        {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"},
        {"Get": "Steps.Evaluate.Environment['a.b']"},
        {"Get": "Parameters.Name"},
        {"Std:Join": {"On": "", "Values": [1, True, {"Get": "Parameters.Count"}]}},
        {"Get": "Execution.PipelineExecutionId"},
    ],
)
def test_an_expression_of_the_right_type_passes(training, processing, value):
    parameters = [{"Name": "Count", "Type": "Integer", "DefaultValue": 1}, {"Name": "Name", "Type": "String"}]
    parse(text(processing(), training(arguments={"HyperParameters": {"a": value}}), Parameters=parameters))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Name": "a b"}, "Step 'a b': Name: got 'a b'"),
        ({"Name": "a" * 65}, "Name: got"),
        ({"Type": "Tuning"}, "Step 'Train': Type: got 'Tuning', but the embedded cloud runs Training, Processing"),
        ({"Type": "Lambda"}, "Step 'Train': Type: got 'Lambda'"),
        ({"Arguments": []}, "Step 'Train': Arguments: got [], but it must be an object"),
        ({"PropertyFiles": []}, "Step 'Train': unknown field 'PropertyFiles'"),
        ({"DependsOn": "Other"}, "Step 'Train': DependsOn: it must be a list"),
        ({"DependsOn": ["Other"]}, "Step 'Train': DependsOn: there is no step 'Other'"),
        (
            {"DependsOn": [{"Step": "Other", "Trigger": "Failed"}]},
            "Step 'Train': DependsOn[0]: the embedded cloud does",
        ),
        ({"CacheConfig": {"Enabled": True}}, "Step 'Train': CacheConfig: the embedded cloud runs every step"),
        ({"RetryPolicies": [{}]}, "Step 'Train': RetryPolicies[0].ExceptionType: got None"),
    ],
)
def test_a_bad_step_is_refused(training, fields, message):
    assert message in refused(training() | fields)


def test_step_names_are_unique_across_branches(training):
    assert "Step 'Train': Name: two steps have this name" in refused(training(), condition(ElseSteps=[training()]))


def test_a_cycle_is_told_with_its_steps(training):
    steps = [training("A", DependsOn=["C"]), training("B", DependsOn=["A"]), training("C", DependsOn=["B"])]
    assert "Cycle detected in pipeline definition: A -> C -> B -> A" in refused(*steps)


def test_a_condition_that_waits_for_its_own_branch_is_a_cycle(training):
    assert "Cycle detected" in refused(condition(IfSteps=[training()]) | {"DependsOn": ["Train"]})


def test_nothing_comes_after_a_fail_step(training):
    assert "Train can not depends on Stop" in refused(FAIL, training(DependsOn=["Stop"]))


def test_conditions_do_not_nest():
    inner = {**condition(), "Name": "Inner"}
    assert "Step 'Inner': Type: a condition step cannot stand inside another" in refused(condition(IfSteps=[inner]))


def test_a_property_file_lies_in_an_output(processing):
    step = processing()
    step["PropertyFiles"] = [{"PropertyFileName": "F", "OutputName": "elsewhere", "FilePath": "a.json"}]
    assert "'F' lies in output 'elsewhere', but the outputs are ['evaluation']" in refused(step)


def test_an_error_message_is_a_string():
    step = {**FAIL, "Arguments": {"ErrorMessage": {"Get": "Parameters.Count"}}}
    parameters = [{"Name": "Count", "Type": "Integer"}]
    assert "Arguments.ErrorMessage: a integer was given" in refused(step, Parameters=parameters)
    parse(text({"Name": "Stop", "Type": "Fail"}))


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("{", "PipelineDefinition is no JSON: "),
        ("[]", "PipelineDefinition must be a JSON object"),
        ('{"Version": "2020-12-01", "Steps": [], "a": NaN}', "NaN is no number in JSON"),
        ('{"Version": "2020-12-02", "Steps": [3]}', "Version: got '2020-12-02', but there is only '2020-12-01'"),
        ('{"Version": "2020-12-01", "Steps": []}', "Steps: it must be a list with at least one step"),
        ('{"Version": "2020-12-01", "Steps": [3]}', "Steps[0]: it must be an object"),
        ('{"Version": "2020-12-01", "Steps": [{}], "Step": 1}', "unknown field 'Step'"),
    ],
)
def test_what_is_no_definition_is_refused(definition, message):
    with pytest.raises(ServiceError) as error:
        parse(definition)
    assert message in error.value.message


def test_an_experiment_knows_the_execution_and_nothing_else():
    good = {"ExperimentName": {"Get": "Execution.PipelineName"}, "TrialName": {"Get": "Execution.PipelineExecutionId"}}
    parse(text(FAIL, PipelineExperimentConfig=good))
    bad = good | {"TrialName": {"Get": "Parameters.Trial"}}
    assert refused(FAIL, PipelineExperimentConfig=bad) == (
        "PipelineExperimentConfig: Parameters.Trial has no value when an execution starts."
    )


def test_every_problem_is_told_at_once(training):
    message = refused(changed(training("A"), ("RoleArn",), None), changed(training("B"), ("RoleArn",), "x"))
    assert "Step 'A'" in message
    assert "Step 'B'" in message
