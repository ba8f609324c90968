"""Budgets on a real embedded cloud: a job uses one up, a topic hears of it, and the next job is refused."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from ports import free_port

from trainyard.local.cloud import ACCOUNT, REGION, Cloud

pytestmark = pytest.mark.slow
JOBS = f"arn:aws:iam::{ACCOUNT}:role/jobs"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    found = Cloud(tmp_path_factory.mktemp("cloud"), free_port(), options=("--grace-seconds", "1",
                                                                          "--budget-seconds", "0.2"))  # fmt: skip
    found.up()
    yield found
    found.down()


@pytest.fixture(scope="module")
def client(cloud: Cloud) -> Callable[..., Any]:
    def make(service: str, credentials: dict[str, str] | None = None) -> Any:
        keys = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
        return boto3.session.Session().client(
            service, endpoint_url=cloud.endpoint_url, region_name=REGION, aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys.get("SessionToken"),
        )  # fmt: skip

    return make


def document(effect: str, action: str | list[str], resource: str = "*", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(**principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Account:
    """Roles, a denial, a topic with a queue behind it."""

    def __init__(self, client: Callable[..., Any]) -> None:
        iam = client("iam")
        self.client, self.budgets, self.sqs = client, client("budgets"), client("sqs")
        iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=trust(
            Service="sagemaker.amazonaws.com", AWS=f"arn:aws:iam::{ACCOUNT}:root"))  # fmt: skip
        iam.put_role_policy(RoleName="jobs", PolicyName="all", PolicyDocument=document("Allow", "*"))
        denial = document("Deny", "sagemaker:CreateTrainingJob")
        self.denial = iam.create_policy(PolicyName="denial", PolicyDocument=denial)["Policy"]["Arn"]
        self.role = iam.create_role(
            RoleName="execution", AssumeRolePolicyDocument=trust(Service="budgets.amazonaws.com")
        )["Role"]["Arn"]
        rights = document("Allow", ["iam:AttachRolePolicy", "iam:DetachRolePolicy"], JOBS,
                          Condition={"ArnEquals": {"iam:PolicyARN": self.denial}})  # fmt: skip
        iam.put_role_policy(RoleName="execution", PolicyName="own", PolicyDocument=rights)
        client("s3").create_bucket(Bucket="outputs")
        self.topic = client("sns").create_topic(Name="critical")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
        hears = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                 "Resource": arn}  # fmt: skip
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": json.dumps({"Statement": [hears]})})
        client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        session = client("sts").assume_role(RoleArn=JOBS, RoleSessionName="test")["Credentials"]
        self.as_jobs = client("sagemaker", session)

    def train(self, environment: str) -> str:
        name = f"job-{uuid.uuid4().hex[:8]}"
        self.as_jobs.create_training_job(
            TrainingJobName=name,
            RoleArn=JOBS,
            AlgorithmSpecification={
                "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/trainyard-training:1",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["sleep", "30"],
            },
            OutputDataConfig={"S3OutputPath": "s3://outputs/it"},
            ResourceConfig={"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
            Tags=[{"Key": "environment", "Value": environment}],
        )
        return name

    def budget(self, environment: str, approval: str | None) -> tuple[str, str]:
        """A budget of a hundredth of a cent, and its action."""
        name = f"budget-{environment}"
        told = [{"SubscriptionType": "SNS", "Address": self.topic}]
        notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 50}
        self.budgets.create_budget(
            AccountId=ACCOUNT,
            Budget={"BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": "0.0001", "Unit": "USD"},
                    "CostFilters": {"TagKeyValue": [f"user:environment${environment}"]}},
            NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": told}],
        )  # fmt: skip
        if approval is None:
            return name, ""
        made = self.budgets.create_budget_action(
            AccountId=ACCOUNT, BudgetName=name, NotificationType="ACTUAL", ActionType="APPLY_IAM_POLICY",
            ActionThreshold={"ActionThresholdValue": 100, "ActionThresholdType": "PERCENTAGE"},
            Definition={"IamActionDefinition": {"PolicyArn": self.denial, "Roles": ["jobs"]}},
            ExecutionRoleArn=self.role, ApprovalModel=approval, Subscribers=told,
        )  # fmt: skip
        return name, made["ActionId"]

    def status(self, name: str, action: str) -> str:
        found = self.budgets.describe_budget_action(AccountId=ACCOUNT, BudgetName=name, ActionId=action)
        return str(found["Action"]["Status"])

    def execute(self, name: str, action: str, kind: str) -> None:
        self.budgets.execute_budget_action(
            AccountId=ACCOUNT, BudgetName=name, ActionId=action, ExecutionType=f"{kind}_BUDGET_ACTION"
        )

    def alarmed(self, name: str) -> bool:
        rows = self.budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName=name)["Notifications"]
        return rows[0]["NotificationState"] == "ALARM"


def until(holds: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to it"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def account(client: Callable[..., Any]) -> Account:
    return Account(client)


def test_a_used_up_budget_tells_and_denies_the_next_job_until_it_is_reversed(account: Account) -> None:
    name, action = account.budget("dear", "AUTOMATIC")
    assert account.status(name, action) == "STANDBY"
    account.train("dear")
    until(lambda: account.status(name, action) == "EXECUTION_SUCCESS")
    with pytest.raises(ClientError, match=r"sagemaker:CreateTrainingJob .* with an explicit deny"):
        account.train("dear")
    heard = account.sqs.receive_message(QueueUrl=account.queue, MaxNumberOfMessages=10, WaitTimeSeconds=20)["Messages"]
    assert any("Budget Name: budget-dear" in json.loads(one["Body"])["Message"] for one in heard)
    account.execute(name, action, "REVERSE")
    account.train("dear")


def test_a_manual_action_waits_and_does_nothing_until_it_is_approved(account: Account) -> None:
    name, action = account.budget("asked", "MANUAL")
    account.train("asked")
    until(lambda: account.status(name, action) == "PENDING")
    account.train("asked")
    account.execute(name, action, "APPROVE")
    with pytest.raises(ClientError, match="explicit deny"):
        account.train("asked")
    account.execute(name, action, "REVERSE")
    # Reset, it is on duty again, and the money is still spent.
    account.execute(name, action, "RESET")
    until(lambda: account.status(name, action) == "PENDING")


def test_a_budget_counts_its_own_tag_alone_and_its_limit_may_rise(account: Account) -> None:
    mine, _ = account.budget("mine", None)
    other, _ = account.budget("other", None)
    account.train("mine")
    until(lambda: account.alarmed(mine))
    assert not account.alarmed(other)
    budget = {"BudgetName": mine, "BudgetType": "COST", "TimeUnit": "MONTHLY",
              "BudgetLimit": {"Amount": "1000", "Unit": "USD"},
              "CostFilters": {"TagKeyValue": ["user:environment$mine"]}}  # fmt: skip
    account.budgets.update_budget(AccountId=ACCOUNT, NewBudget=budget)
    until(lambda: not account.alarmed(mine))


@pytest.mark.parametrize(
    ("kind", "says"),
    [("REVERSE", "wants the status EXECUTION_SUCCESS or REVERSE_FAILURE"), ("APPROVE", "wants the status PENDING")],
)
def test_what_an_action_has_not_done_cannot_be_undone_or_approved(account: Account, kind: str, says: str) -> None:
    name, action = account.budget(f"idle{kind.lower()}", "MANUAL")
    with pytest.raises(ClientError, match=says):
        account.execute(name, action, kind)


def test_a_role_that_may_not_attach_the_policy_fails_the_action(account: Account) -> None:
    account.client("iam").delete_role_policy(RoleName="execution", PolicyName="own")
    name, action = account.budget("powerless", "AUTOMATIC")
    account.train("powerless")
    until(lambda: account.status(name, action) == "EXECUTION_FAILURE")
    history = account.budgets.describe_budget_action_histories(AccountId=ACCOUNT, BudgetName=name, ActionId=action)
    assert "iam:AttachRolePolicy" in history["ActionHistories"][0]["ActionHistoryDetails"]["Message"]
