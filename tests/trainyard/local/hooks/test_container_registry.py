"""The registry from which images are pulled: what it holds, whose it is, and what is told of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ml_contract.images import DEFAULT_ACCOUNT, PYTORCH_TRAINING, TRITON
from trainyard.local.cloud import ACCOUNT, REGION

REPOSITORY = "trainyard-training"


@pytest.fixture
def heard(client: Callable) -> Callable[[], list[dict[str, Any]]]:
    """Events of ECR that reach a queue."""
    name = f"heard-{uuid.uuid4().hex[:8]}"
    queue = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    client("events").put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.ecr", "aws.kms"]}))
    client("events").put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])

    def look() -> list[dict[str, Any]]:
        found = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    return look


def test_the_account_begins_with_what_stands_for_its_images(client: Callable) -> None:
    (image,) = client("ecr").describe_images(repositoryName=REPOSITORY)["imageDetails"]
    assert image["imageTags"] == ["1"]


@pytest.mark.parametrize("image", [PYTORCH_TRAINING, TRITON])
def test_aws_registries_hold_what_the_table_names(client: Callable, image: Any) -> None:
    found = client("ecr").batch_get_image(
        registryId=DEFAULT_ACCOUNT, repositoryName=image.repository, imageIds=[{"imageTag": image.tag}]
    )
    assert [one["imageId"]["imageTag"] for one in found["images"]] == [image.tag]
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        client("ecr").batch_get_image(repositoryName=image.repository, imageIds=[{"imageTag": image.tag}])


def test_an_image_that_is_not_there_is_no_empty_answer(client: Callable) -> None:
    with pytest.raises(ClientError, match=rf"imageTag:'gone'.*'{REPOSITORY}'.*'{ACCOUNT}'"):
        client("ecr").describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": "gone"}])


def test_pushes_and_deletions_are_told(client: Callable, heard: Callable[[], list[dict[str, Any]]]) -> None:
    name = f"r{uuid.uuid4().hex[:8]}"
    client("ecr").create_repository(repositoryName=name)
    client("ecr").put_image(repositoryName=name, imageManifest="{}", imageTag="a")
    client("ecr").batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "a"}, {"imageTag": "b"}])
    details = [event["detail"] for event in heard() if event["detail"]["repository-name"] == name]
    assert [(one["action-type"], one["image-tag"], one["result"]) for one in details] == [
        ("PUSH", "a", "SUCCESS"),
        ("DELETE", "a", "SUCCESS"),
    ]


def test_a_tag_that_is_not_the_last_leaves_its_image(client: Callable) -> None:
    name = f"r{uuid.uuid4().hex[:8]}"
    client("ecr").create_repository(repositoryName=name)
    for tag in ("a", "b"):
        client("ecr").put_image(repositoryName=name, imageManifest="{}", imageTag=tag)
    gone = client("ecr").batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "a"}])
    assert [image["imageTag"] for image in gone["imageIds"]] == ["a"]
    (image,) = client("ecr").describe_images(repositoryName=name)["imageDetails"]
    assert image["imageTags"] == ["b"]


def test_what_becomes_of_a_key_is_told(client: Callable, heard: Callable[[], list[dict[str, Any]]]) -> None:
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    (event,) = heard()
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert event["detail"]["eventName"] == "ScheduleKeyDeletion"
    assert event["detail"]["requestParameters"] == {"keyId": key, "pendingWindowInDays": 7}
    assert event["detail"]["resources"][0]["ARN"] == key
