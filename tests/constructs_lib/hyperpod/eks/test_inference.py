"""A language model on nodes of a cluster: what maps from an endpoint's model, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.hyperpod.eks.inference import ClusterEndpoint
from constructs_lib.hyperpod.eks.queues import TeamQueue, Unqueued
from constructs_lib.serving.models.data import Archive, Uncompressed
from constructs_lib.serving.models.lmi import LmiModel
from constructs_lib.serving.models.vllm import Vllm
from constructs_lib.training.location import Location
from constructs_lib.values import InvalidValue

pytestmark = pytest.mark.slow  # a bucket is a construct
TEAM = TeamQueue(team="vision", priority="inference")


@pytest.fixture(scope="module")
def place() -> Location:
    import aws_cdk as cdk
    from aws_cdk import aws_s3 as s3

    return Location(bucket=s3.Bucket.from_bucket_name(cdk.Stack(), "Bucket", "weights"), prefix="llama/8b")


def endpoint(place: Location, **fields: Any) -> ClusterEndpoint:
    given: dict[str, Any] = {
        "name": "llama", "placement": TEAM, "instance_types": ("ml.p5.48xlarge",), "replicas": 2,
        "model": LmiModel(engine=Vllm(tensor_parallel=4), data=Uncompressed(location=place)), "vcpus": 48,
        "memory_gib": 400, "region": "eu-west-1",
    }  # fmt: skip
    return ClusterEndpoint(**{**given, **fields})


def test_the_engine_s_degrees_are_the_pod_s_gpus(place: Location) -> None:
    worker = endpoint(place).manifest()["spec"]["worker"]
    assert worker["resources"]["limits"] == {"nvidia.com/gpu": "4"}
    assert {"name": "OPTION_TENSOR_PARALLEL_DEGREE", "value": "4"} in worker["environmentVariables"]


def test_it_counts_in_its_team_s_quota_and_waits_nowhere_without_one(place: Location) -> None:
    assert endpoint(place).manifest()["metadata"] == {
        "name": "llama", "namespace": "hyperpod-ns-vision",
        "labels": {"kueue.x-k8s.io/queue-name": "hyperpod-ns-vision-localqueue",
                   "kueue.x-k8s.io/priority-class": "inference-priority"},
    }  # fmt: skip
    free = endpoint(place, placement=Unqueued(name="served")).manifest()
    assert free["metadata"] == {"name": "llama", "namespace": "served"}


def test_weights_are_named_by_their_prefix_and_the_bucket_at_deployment(place: Location) -> None:
    source = endpoint(place).manifest()["spec"]["modelSourceConfig"]
    assert source["modelLocation"] == "llama/8b"
    assert source["s3Storage"]["bucketName"] == "${TRAINYARD_MODEL_BUCKET}"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"instance_types": ("ml.c5.4xlarge",)}, "runs on NVIDIA GPUs"),
        ({"memory_gib": 4000}, "ml.p5.48xlarge has 2048"),
        ({"vcpus": 400}, "ml.p5.48xlarge has 192"),
        ({"instance_types": ("ml.p5.48xlarge", "ml.p5.48xlarge")}, "named once"),
    ],
)
def test_nodes_that_cannot_hold_it_are_refused(place: Location, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        endpoint(place, **fields)


def test_what_the_operator_cannot_bring_is_refused(place: Location) -> None:
    packed = LmiModel(engine=Vllm(tensor_parallel=1), data=Archive(location=place, file="model.tar.gz"))
    with pytest.raises(InvalidValue, match="unpacks nothing"):
        endpoint(place, model=packed)
    with pytest.raises(InvalidValue, match="reach no hub"):
        endpoint(place, model=LmiModel(engine=Vllm(tensor_parallel=1), model_id="meta/llama"))
