"""A queue in front of an endpoint, as the template has it."""

import json

import pytest
import serving_scenes as scenes
from synthesis import actions


@pytest.mark.slow
def test_answers_failures_and_topics_stand_in_the_configuration() -> None:
    config = scenes.part("Queue", "AWS::SageMaker::EndpointConfig")["AsyncInferenceConfig"]
    assert config["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}
    output = config["OutputConfig"]
    assert output["NotificationConfig"]["IncludeInferenceResponseIn"] == ["SUCCESS_NOTIFICATION_TOPIC"]
    assert output["S3OutputPath"]["Fn::Join"][1][-1] == "/answered"
    assert output["S3FailurePath"]["Fn::Join"][1][-1] == "/failed"
    assert output["KmsKeyId"]["Fn::GetAtt"][0].startswith("StorageKey")


@pytest.mark.slow
def test_the_endpoint_puts_answers_and_deletes_none() -> None:
    found = {action for statement in scenes.policy("QueueEndpointRole") for action in actions(statement)}
    assert {"s3:PutObject", "sns:Publish", "kms:GenerateDataKey"} <= found
    assert "s3:DeleteObject" not in found


@pytest.mark.slow
def test_topics_are_encrypted_and_take_messages_over_tls_only() -> None:
    template = scenes.template()["Resources"]
    topics = {name: entry for name, entry in template.items() if entry["Type"] == "AWS::SNS::Topic"}
    assert len(topics) == 2
    assert all("KmsMasterKeyId" in entry["Properties"] for entry in topics.values())
    policies = [entry for entry in template.values() if entry["Type"] == "AWS::SNS::TopicPolicy"]
    assert len([policy for policy in policies if "aws:SecureTransport" in json.dumps(policy)]) == 2


@pytest.mark.slow
def test_an_idle_queue_costs_no_instance() -> None:
    (target,) = scenes.parts("Queue", "AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert target["Properties"]["MinCapacity"] == 0
