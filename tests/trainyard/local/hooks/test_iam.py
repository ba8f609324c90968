"""Access control: every allow beside its deny."""

from __future__ import annotations

import json
import re
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import botocore.auth
import botocore.awsrequest
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from trainyard.local.cloud import ACCOUNT, REGION, Cloud, CloudError

SESSION = rf"User: arn:aws:sts::{ACCOUNT}:assumed-role/role-\w+/tests is not authorized to perform: "
TRAINING_JOB = {
    "AlgorithmSpecification": {
        "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/x:1",
        "TrainingInputMode": "File",
    },
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


def allow(*actions: str, resource: str = "*", **extra: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **extra}


def denied(call: Callable[..., Any], action: str, resource: str, /, **parameters: Any) -> str:
    """Calls, and holds the denial against the shape that AWS gives it."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    answer = error.value.response["Error"]
    assert answer["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    assert re.match(f"{SESSION}{re.escape(action)} on resource: {re.escape(resource)} ", answer["Message"])
    return str(answer["Message"])


def test_an_object_is_put_only_where_the_role_may(bucket: str, role: Callable, as_role: Callable) -> None:
    arn = role(allow("s3:PutObject", resource=f"arn:aws:s3:::{bucket}/mine/*"))
    s3 = as_role(arn)("s3")
    s3.put_object(Bucket=bucket, Key="mine/a", Body=b"x")
    message = denied(s3.put_object, "s3:PutObject", f"arn:aws:s3:::{bucket}/a", Bucket=bucket, Key="a", Body=b"x")
    assert message.endswith("because no identity-based policy allows the s3:PutObject action")
    denied(s3.get_object, "s3:GetObject", f"arn:aws:s3:::{bucket}/mine/a", Bucket=bucket, Key="mine/a")


def test_an_explicit_deny_wins_and_says_so(bucket: str, role: Callable, as_role: Callable) -> None:
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/secret/*"}
    s3 = as_role(role(allow("s3:*"), deny))("s3")
    s3.put_object(Bucket=bucket, Key="secret/a", Body=b"x")
    message = denied(s3.get_object, "s3:GetObject", f"arn:aws:s3:::{bucket}/secret/a", Bucket=bucket, Key="secret/a")
    assert "explicit deny" in message


def code(call: Callable[..., Any], /, **parameters: Any) -> str:
    """The error code that a call answers with; nothing when it succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


# Service, action, resource that a denial names, operation, parameters.
READS = [
    ("logs", "logs:CreateLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/t/{{id}}", "create_log_group",
     {"logGroupName": "/t/{id}"}),
    ("cloudwatch", "cloudwatch:PutMetricData", "*", "put_metric_data",
     {"Namespace": "t", "MetricData": [{"MetricName": "m", "Value": 1.0}]}),
    ("kms", "kms:CreateKey", "*", "create_key", {}),
    ("ecr", "ecr:CreateRepository", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/t{{id}}", "create_repository",
     {"repositoryName": "t{id}"}),
    ("sts", "sts:GetAccessKeyInfo", "*", "get_access_key_info", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    ("ec2", "ec2:DescribeVpcs", "*", "describe_vpcs", {}),
    ("cloudformation", "cloudformation:ListStacks", "*", "list_stacks", {}),
    ("sagemaker", "sagemaker:ListTrainingJobs", "*", "list_training_jobs", {}),
    ("sagemaker", "sagemaker:DescribePipeline", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/t{{id}}",
     "describe_pipeline", {"PipelineName": "t{id}"}),
    ("ssm", "ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/t{{id}}", "get_parameter",
     {"Name": "/t{id}"}),
    ("ssm", "ssm:GetParametersByPath", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/t{{id}}", "get_parameters_by_path",
     {"Path": "/t{id}"}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "action", "resource", "operation", "parameters"), READS, ids=lambda x: str(x)[:40])
def test_services_ask_for_their_actions(
    service: str, action: str, resource: str, operation: str, parameters: dict, role: Callable, as_role: Callable
) -> None:
    given = json.loads(json.dumps(parameters).replace("{id}", uuid.uuid4().hex[:8]))
    wanted = resource.replace("{id}", str(next(iter(given.values()), ""))[-8:])
    denied(getattr(as_role(role())(service), operation), action, wanted, **given)
    # Allowed, and then the service has its say: it may not know the resource.
    assert "AccessDenied" not in code(
        getattr(as_role(role(allow(action, resource=wanted)))(service), operation), **given
    )


def test_a_listed_parameter_is_a_resource_of_its_own(role: Callable, as_role: Callable) -> None:
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/mine"
    ssm = as_role(role(allow("ssm:GetParameters", resource=parameter)))("ssm")
    assert ssm.get_parameters(Names=["/mine"])["InvalidParameters"] == ["/mine"]
    denied(ssm.get_parameters, "ssm:GetParameters", parameter.replace("mine", "yours"), Names=["/yours"])
    # Two names have no one resource here: only who may read everything passes.
    denied(ssm.get_parameters, "ssm:GetParameters", "*", Names=["/mine", "/yours"])


def test_conditions_are_evaluated(role: Callable, as_role: Callable) -> None:
    small = {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.c5.large"]}}
    short, shorter = ({"NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": most}} for most in ("60", "59"))
    for condition, passes in ((None, True), (small, False), (short, True), (shorter, False)):
        statement = allow("sagemaker:CreateTrainingJob", **({"Condition": condition} if condition else {}))
        sagemaker = as_role(role(statement, allow("iam:PassRole")))("sagemaker")
        name = f"job-{uuid.uuid4().hex[:8]}"
        with pytest.raises(ClientError) as error:
            sagemaker.create_training_job(
                TrainingJobName=name, RoleArn="arn:aws:iam::123456789012:role/x", **TRAINING_JOB
            )
        assert (error.value.response["Error"]["Code"] == "AccessDeniedException") is not passes


def test_metrics_go_into_the_namespaces_of_the_condition(role: Callable, as_role: Callable) -> None:
    condition = {"StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/TrainingJobs"]}}
    cloudwatch = as_role(role(allow("cloudwatch:PutMetricData", Condition=condition)))("cloudwatch")
    data = [{"MetricName": "loss", "Value": 1.0}]
    cloudwatch.put_metric_data(Namespace="/aws/sagemaker/TrainingJobs", MetricData=data)
    denied(cloudwatch.put_metric_data, "cloudwatch:PutMetricData", "*", Namespace="other", MetricData=data)


def test_who_starts_a_job_must_be_allowed_to_pass_its_role(role: Callable, as_role: Callable) -> None:
    job_role = role()
    name = f"job-{uuid.uuid4().hex[:8]}"
    request = {"TrainingJobName": name, "RoleArn": job_role, **TRAINING_JOB}
    create = allow("sagemaker:CreateTrainingJob", resource=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/job-*")
    denied(as_role(role(create))("sagemaker").create_training_job, "iam:PassRole", job_role, **request)
    other = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    elsewhere = allow("iam:PassRole", resource=job_role, Condition=other)
    denied(as_role(role(create, elsewhere))("sagemaker").create_training_job, "iam:PassRole", job_role, **request)
    here = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    passing = as_role(role(create, allow("iam:PassRole", resource=job_role, Condition=here)))("sagemaker")
    # Allowed: what is left is that no such image exists.
    assert code(passing.create_training_job, **request) == "ValidationException"


def test_an_endpoint_is_made_only_from_a_configuration_that_the_role_may_use(role: Callable, as_role: Callable) -> None:
    prefix = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
    request = {"EndpointName": "e-1", "EndpointConfigName": "c-1"}
    one = as_role(role(allow("sagemaker:CreateEndpoint", resource=f"{prefix}:endpoint/*")))("sagemaker")
    denied(one.create_endpoint, "sagemaker:CreateEndpoint", f"{prefix}:endpoint-config/c-1", **request)
    both = as_role(role(allow("sagemaker:CreateEndpoint", resource=f"{prefix}:endpoint*")))("sagemaker")
    assert code(both.create_endpoint, **request) not in ("", "AccessDeniedException")


@pytest.mark.parametrize(
    ("action", "operation", "other"),
    [
        ("InvokeEndpointAsync", "invoke_endpoint_async", "invoke_endpoint"),
        ("InvokeEndpointWithResponseStream", "invoke_endpoint_with_response_stream", "invoke_endpoint_async"),
    ],
)
def test_each_way_to_invoke_has_a_permission_of_its_own(
    role: Callable, as_role: Callable, action: str, operation: str, other: str
) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/mine"
    runtime = as_role(role(allow(f"sagemaker:{action}", resource=arn)))("sagemaker-runtime")
    request = {"EndpointName": "mine", "Body": b"{}"}
    assert code(getattr(runtime, operation), **request) == "ValidationError"
    assert code(getattr(runtime, other), **request) == "AccessDeniedException"


def test_invoking_an_endpoint_needs_the_permission_for_that_endpoint(role: Callable, as_role: Callable) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/mine"
    runtime = as_role(role(allow("sagemaker:InvokeEndpoint", resource=arn)))("sagemaker-runtime")
    denied(
        runtime.invoke_endpoint,
        "sagemaker:InvokeEndpoint",
        arn.replace("mine", "other"),
        EndpointName="other",
        Body=b"{}",
    )
    assert code(runtime.invoke_endpoint, EndpointName="mine", Body=b"{}") not in ("", "AccessDeniedException")


def test_a_service_without_an_action_map_is_denied_by_name(role: Callable, as_role: Callable) -> None:
    everything = as_role(role(allow("*")))
    with pytest.raises(
        ClientError, match="this operation of amplify: the embedded cloud has no action map for it"
    ) as error:
        everything("amplify").list_apps()
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.mark.parametrize(("service", "operation"), [("amplify", "list_apps"), ("redshift", "describe_clusters")])
def test_a_service_that_nobody_serves_fails_as_such(service: str, operation: str, client: Callable) -> None:
    with pytest.raises(ClientError, match=f"The embedded cloud has no service {service}"):
        getattr(client(service), operation)()


def test_trust_in_a_service_lets_nobody_else_in(client: Callable) -> None:
    name = f"role-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    assume = {"RoleArn": arn, "RoleSessionName": "tests"}
    with pytest.raises(ClientError, match=f"not authorized to perform: sts:AssumeRole on resource: {arn}"):
        client("sts").assume_role(**assume)
    trust["Principal"] = {"Service": "sagemaker.amazonaws.com", "AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=document)
    client("sts").assume_role(**assume)


def test_a_session_needs_its_signature(bucket: str, cloud: Cloud, role: Callable, as_role: Callable) -> None:
    s3 = as_role(role(allow("s3:*")))("s3")
    s3.list_objects_v2(Bucket=bucket)
    # The same key with another secret.
    s3._request_signer._credentials.secret_key = "wrong"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3.list_objects_v2(Bucket=bucket)


def test_without_credentials_there_is_nothing(bucket: str, cloud: Cloud) -> None:
    def anonymous(service: str) -> Any:
        config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        return boto3.client(service, endpoint_url=cloud.endpoint_url, region_name=REGION, config=config)

    with pytest.raises(ClientError, match="AccessDenied"):
        anonymous("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        anonymous("sagemaker").list_training_jobs()


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_localstack/info"])
def test_the_emulators_own_administration_is_closed(path: str, cloud: Cloud) -> None:
    request = urllib.request.Request(cloud.endpoint_url + path, b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=10)


def test_faults_are_for_the_administrator(cloud: Cloud, role: Callable, client: Callable) -> None:
    session = client("sts").assume_role(RoleArn=role(allow("*")), RoleSessionName="tests")["Credentials"]
    assert cloud.call("ListFaults") == {"Faults": []}
    request = botocore.awsrequest.AWSRequest(
        "POST", cloud.endpoint_url, {"X-Amz-Target": "Trainyard.ListFaults"}, b"{}"
    )
    key = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    botocore.auth.SigV4Auth(key, "trainyard", REGION).add_auth(request)
    sent = urllib.request.Request(cloud.endpoint_url, b"{}", dict(request.headers))
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(sent, timeout=10)
    assert "only the administrator" in json.load(error.value)["message"]


def test_unknown_operations_of_ours_are_refused(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="ListFaults"):
        cloud.call("Conjure")


ROOT_KEY = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def test_the_listener_stands_for_a_tls_endpoint(
    bucket: str, client: Callable, role: Callable, as_role: Callable
) -> None:
    _tls_only(client("s3"), bucket)
    as_role(role(allow("s3:*")))("s3").put_object(Bucket=bucket, Key="a", Body=b"x")


@pytest.mark.slow
def test_plain_transport_shows_the_tls_only_policy(new_cloud: Callable[..., Cloud]) -> None:
    cloud = new_cloud("--plain-transport")
    cloud.up()
    s3 = boto3.client("s3", endpoint_url=cloud.endpoint_url, **ROOT_KEY)
    s3.create_bucket(Bucket="plain-bucket")
    s3.put_object(Bucket="plain-bucket", Key="a", Body=b"x")
    _tls_only(s3, "plain-bucket")
    with pytest.raises(ClientError, match=r"s3:PutObject .* with an explicit deny in a resource-based policy"):
        s3.put_object(Bucket="plain-bucket", Key="a", Body=b"x")
    # The root can always mend a policy that locks everybody out.
    s3.delete_bucket_policy(Bucket="plain-bucket")
    s3.put_object(Bucket="plain-bucket", Key="a", Body=b"x")


def _tls_only(s3: Any, bucket: str) -> None:
    statement = {**TLS_ONLY, "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_alarms_are_looked_at_by_name(client: Callable, role: Callable, as_role: Callable) -> None:
    for name in ("mine", "others"):
        client("cloudwatch").put_metric_alarm(
            AlarmName=f"look-{name}", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:look-mine"
    mine = as_role(role({"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": arn}))("cloudwatch")
    assert [alarm["AlarmName"] for alarm in mine.describe_alarms(AlarmNames=["look-mine"])["MetricAlarms"]]
    for request in ({"AlarmNames": ["look-others"]}, {}):
        with pytest.raises(ClientError, match=r"cloudwatch:DescribeAlarms on resource: \S+:alarm:"):
            mine.describe_alarms(**request)
