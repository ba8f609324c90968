"""The training stack: definition, roles, outputs."""

import json

import botocore.session
import pytest
from synthesis import actions, assembly, definition, resources, statements, template, training_stages

from trainyard.local.api.shapes import violations

REQUESTS = {
    "Training": ("CreateTrainingJob", {"TrainingJobName"}),
    "Processing": ("CreateProcessingJob", {"ProcessingJobName"}),
    "RegisterModel": ("CreateModelPackage", set()),
}


def every_step(steps: list[dict]) -> list[dict]:
    nested = [
        step
        for outer in steps
        if outer["Type"] == "Condition"
        for branch in ("IfSteps", "ElseSteps")
        for step in every_step(outer["Arguments"][branch])
    ]
    return [*steps, *nested]


def steps(stage: str = "Local") -> dict[str, dict]:
    return {step["Name"]: step for step in every_step(definition(stage)["Steps"])}


def test_the_pipeline_has_the_steps_that_others_name() -> None:
    assert list(steps()) == ["Prepare", "Train", "Evaluate", "BeatsBaseline", "Package", "Register", "Reject"]


@pytest.mark.parametrize("stage", ["Local", "Dev", "Prod"])
def test_every_step_is_a_request_that_sagemaker_takes(stage: str) -> None:
    model = botocore.session.Session().get_service_model("sagemaker")
    for name, step in steps(stage).items():
        if step["Type"] in REQUESTS:
            operation, given = REQUESTS[step["Type"]]
            shape = model.operation_model(operation).input_shape
            found = violations(shape, step["Arguments"] | dict.fromkeys(given, "pipelines-x"), expressions=True)
            assert found == [], f"{stage} {name}"


def test_an_operator_may_vary_threshold_steps_and_seed() -> None:
    assert definition("Prod")["Parameters"] == [
        {"Name": "Threshold", "Type": "Float", "DefaultValue": 1.8},
        {"Name": "TrainingSteps", "Type": "Integer", "DefaultValue": 20000},
        {"Name": "Seed", "Type": "Integer", "DefaultValue": 0},
    ]


def test_hyperparameters_are_strings_and_decode_into_what_the_environment_holds() -> None:
    from environments import LOCAL
    from ml_contract.hyperparameters import decode
    from ml_contract.training.run import TrainingRun

    given = steps()["Train"]["Arguments"]["HyperParameters"]
    expressions = {name for name, value in given.items() if not isinstance(value, str)}
    assert expressions == {"steps", "seed", "checkpoint_uri"}
    decoded = decode(TrainingRun, {**given, "steps": "150", "seed": "7", "checkpoint_uri": "s3://bucket/prefix"})
    assert decoded.workload == LOCAL.training("bytes-lm").run.workload
    assert (decoded.seed, decoded.checkpoint_uri) == (7, "s3://bucket/prefix")


def test_options_decode_into_what_the_environment_holds() -> None:
    from environments import DEV
    from ml_contract.hyperparameters import decode_json
    from ml_contract.packaging import PackageOptions
    from ml_contract.paths import OPTIONS_VARIABLE
    from ml_contract.workloads.bytes_lm import PrepareOptions

    found = steps("Dev")
    for name, kind, held in (
        ("Prepare", PrepareOptions, DEV.training("bytes-lm").prepare),
        ("Package", PackageOptions, DEV.training("bytes-lm").packaging.package),
    ):
        text = found[name]["Arguments"]["Environment"][OPTIONS_VARIABLE]
        assert decode_json(kind, text, source=OPTIONS_VARIABLE) == held


def test_checkpoints_of_an_execution_share_a_prefix_over_all_attempts() -> None:
    assert steps()["Train"]["Arguments"]["HyperParameters"]["checkpoint_uri"] == {
        "Std:Join": {"On": "/", "Values": ["s3://example-bucket/bytes-lm", {"Get": "Execution.PipelineExecutionId"}]}
    }


def test_spot_waits_at_least_as_long_as_it_runs() -> None:
    arguments = steps()["Train"]["Arguments"]
    assert arguments["EnableManagedSpotTraining"] is True
    stopping = arguments["StoppingCondition"]
    assert stopping["MaxWaitTimeInSeconds"] >= stopping["MaxRuntimeInSeconds"]


def test_on_demand_names_no_waiting_time() -> None:
    arguments = steps("Prod")["Train"]["Arguments"]
    assert arguments["EnableManagedSpotTraining"] is False
    assert list(arguments["StoppingCondition"]) == ["MaxRuntimeInSeconds"]


def test_volumes_name_the_key_where_the_type_has_no_storage_of_its_own() -> None:
    assert "VolumeKmsKeyId" in steps("Local")["Train"]["Arguments"]["ResourceConfig"]
    assert "VolumeKmsKeyId" not in steps("Prod")["Train"]["Arguments"]["ResourceConfig"]


def test_training_never_sees_what_is_held_out() -> None:
    channels = [channel["ChannelName"] for channel in steps()["Train"]["Arguments"]["InputDataConfig"]]
    assert channels == ["code", "train"]


def test_the_condition_compares_with_the_threshold_and_the_baseline() -> None:
    def figure(path: str) -> dict:
        return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": path}}

    assert steps()["BeatsBaseline"]["Arguments"]["Conditions"] == [
        {"Type": "LessThan", "LeftValue": figure("bits_per_byte"),
         "RightValue": {"Get": "Parameters.Threshold"}},
        {"Type": "LessThan", "LeftValue": figure("bits_per_byte"), "RightValue": figure("order0_bits_per_byte")},
    ]  # fmt: skip
    assert steps()["Evaluate"]["PropertyFiles"] == [
        {"PropertyFileName": "Evaluation", "OutputName": "evaluation", "FilePath": "evaluation.json"}
    ]


def test_production_waits_for_a_person() -> None:
    assert steps("Prod")["Register"]["Arguments"]["ModelApprovalStatus"] == "PendingManualApproval"


@pytest.mark.parametrize("stage", ["Local", "Dev", "Prod"])
def test_what_everything_means_is_written_down(stage: str) -> None:
    allowed = {
        "ec2:DeleteNetworkInterfacePermission", "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ecr:GetAuthorizationToken", "cloudwatch:PutMetricData",
    }  # fmt: skip
    for policy in ("PipelineJobs", "PipelineRole"):
        for statement in statements(template(stage, "Training"), policy):
            if statement["Resource"] == "*":
                assert actions(statement) <= allowed


def test_no_role_has_a_managed_policy_and_none_acts_for_another_account() -> None:
    roles = resources(template("Local", "Training"), "AWS::IAM::Role").values()
    assert len(roles) == 2
    for role in roles:
        properties = role["Properties"]
        assert "ManagedPolicyArns" not in properties
        (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_the_pipeline_passes_the_jobs_role_to_sagemaker_and_to_nobody_else() -> None:
    (passing,) = (
        s for s in statements(template("Local", "Training"), "PipelineRole") if actions(s) == {"iam:PassRole"}
    )
    ((jobs, _),) = (
        (n, e) for n, e in resources(template("Local", "Training"), "AWS::IAM::Role").items() if "Jobs" in n
    )
    assert passing["Resource"] == {"Fn::GetAtt": [jobs, "Arn"]}
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_jobs_write_below_their_prefixes_only() -> None:
    (writing,) = (s for s in statements(template("Local", "Training"), "PipelineJobs") if "s3:PutObject" in actions(s))
    endings = {arn["Fn::Join"][1][1] for arn in writing["Resource"]}
    assert endings == {"/packages/bytes-lm/*", "/runs/bytes-lm/*", "/bytes-lm/*", "/datasets/bytes-lm/*"}


def test_the_pipeline_itself_reads_what_it_judges_and_registers_and_writes_nothing() -> None:
    found = statements(template("Local", "Training"), "PipelineRole")
    (reading,) = (s for s in found if "s3:GetObject" in actions(s))
    endings = {arn["Fn::Join"][1][1] for arn in reading["Resource"]}
    assert endings == {"/packages/bytes-lm/*", "/runs/bytes-lm/*"}
    assert not any("s3:PutObject" in actions(s) for s in found)


def test_jobs_read_two_archives_of_the_assets_and_no_other() -> None:
    (reading,) = (
        s for s in statements(template("Local", "Training"), "PipelineJobs") if actions(s) == {"s3:GetObject"}
    )
    assets = [arn for arn in reading["Resource"] if isinstance(arn, str)]
    assert len(assets) == 2
    assert all(arn.endswith(".tgz") for arn in assets)


def test_jobs_pull_the_training_image_only() -> None:
    (pulling,) = (
        s for s in statements(template("Local", "Training"), "PipelineJobs") if "ecr:BatchGetImage" in actions(s)
    )
    assert pulling["Resource"] == "arn:aws:ecr:us-east-1:123456789012:repository/trainyard-training"


def test_outputs_are_what_an_operator_needs() -> None:
    outputs = template("Local", "Training")["Outputs"]
    assert {"PipelineName", "StartCommand", "TrainingRoleArn", "ModelPackageGroupName"} <= set(outputs)
    start = outputs["StartCommand"]["Value"]["Fn::Join"][1]
    assert start[0] == "aws sagemaker start-pipeline-execution --region us-east-1 --pipeline-name "
    assert start[1] == outputs["PipelineName"]["Value"]


def test_a_deployment_starts_nothing() -> None:
    for stage in training_stages():
        kinds = {entry["Type"] for entry in template(stage, "Training")["Resources"].values()}
        assert kinds == {
            "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::SageMaker::Pipeline", "AWS::SageMaker::ModelPackageGroup",
        }  # fmt: skip


def test_the_code_travels_with_the_assets() -> None:
    files = json.loads((assembly() / "assembly-Local" / "manifest.json").read_text())
    assert files["artifacts"]
    assert len(list(assembly().glob("asset.*.tgz"))) == 2
