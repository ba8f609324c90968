"""A model of JumpStart on nodes of a cluster."""

from typing import Any

import pytest

from constructs_lib.hyperpod.eks.jumpstart import JumpStartEndpoint
from constructs_lib.hyperpod.eks.queues import TeamQueue
from constructs_lib.values import InvalidValue

GIVEN: dict[str, Any] = {
    "name": "deepseek", "placement": TeamQueue(team="vision", priority="inference"),
    "model_id": "deepseek-llm-r1-distill-qwen-1-5b", "model_version": "2.0.4", "accepts_license": True,
    "instance_type": "ml.g5.8xlarge", "replicas": 1,
}  # fmt: skip


def test_the_version_is_pinned() -> None:
    model = JumpStartEndpoint(**GIVEN).manifest()["spec"]["model"]
    assert (model["modelVersion"], model["acceptEula"]) == ("2.0.4", True)


def test_it_counts_in_its_team_s_quota() -> None:
    labels = JumpStartEndpoint(**GIVEN).manifest()["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "hyperpod-ns-vision-localqueue"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("accepts_license", False, "it must be one of True"), ("model_version", "latest", "it must match"),
     ("instance_type", "ml.g5.3xlarge", "ml.g5"), ("name", "Deepseek", "it must match")],
)  # fmt: skip
def test_refused(field: str, value: object, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        JumpStartEndpoint(**{**GIVEN, field: value})
