"""Models on nodes of a cluster of an environment: what nobody would serve is refused, the rest is one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from hyperpod_values import changed
from synthesis import context, resources

from constructs_lib.hyperpod.eks.queues import Queued, TeamQueue
from constructs_lib.serving.models.vllm import Vllm
from constructs_lib.values import InvalidValue
from environments.research import EKS, RESEARCH
from stacks.clusters import ClusterModel
from stacks.clusters import recipes as clusters
from stacks.platform_stage import PlatformStage

MODEL = ClusterModel(
    name="llama", prefix="served/llama", engine=Vllm(tensor_parallel=4), replicas=2, vcpus=48, memory_gib=400,
    placement=TeamQueue(team="models", priority="experiments"), instance_types=(clusters.P5,),
)  # fmt: skip


def cluster(*models: ClusterModel, **fields: Any) -> Any:
    return changed(EKS, models=models, **fields)


def test_weights_may_lie_at_the_driver_s_prefix_itself() -> None:
    assert cluster(changed(MODEL, prefix="served")).models[0].prefix == "served"


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        ({"prefix": "served-elsewhere/llama"}, {}, r"models\.llama\.prefix: .* the driver reads shared/served"),
        ({"prefix": "llama"}, {}, "the driver reads shared/served"),
        ({}, {"addons": (*clusters.ADDONS, EKS.addons[-1])}, "endpoints on nodes are made by the inference operator"),
        ({}, {"addons": (*clusters.serving(), EKS.addons[-1])}, "the driver reads nothing"),
        ({"instance_types": ("ml.g5.12xlarge",)}, {}, r"models\.llama\.instance_types: .* nodes are .*ml\.p5"),
        ({"placement": TeamQueue(team="night", priority="experiments")}, {}, "governance has models, vision"),
        ({"placement": TeamQueue(team="models", priority="night")}, {}, "governance has training, experiments"),
        ({"placement": Queued(name="default")}, {}, "the shared queue lets jobs in, and counts nothing else"),
    ],
)
def test_what_nobody_would_serve_is_refused(model: dict[str, Any], fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        cluster(changed(MODEL, **model), **fields)


def test_names_of_models_differ() -> None:
    with pytest.raises(InvalidValue, match="two models have this name"):
        cluster(MODEL, changed(MODEL, replicas=1))


@pytest.mark.slow
def test_a_model_is_a_manifest_whose_weights_the_driver_reads() -> None:
    environment = changed(
        RESEARCH, clusters=(cluster(MODEL),), trainings=(), endpoints=(), operation=None, budgets=None
    )
    assembly = PlatformStage(cdk.App(context=context()), environment).synth()
    template = assembly.get_stack_by_name("trainyard-research-cluster-eks").template
    (commands,) = (one["Value"] for name, one in template["Outputs"].items() if name.startswith("Modelllama"))
    text = json.dumps(commands)
    for name in ("TRAINYARD_MODEL_BUCKET", "TRAINYARD_IMAGE"):
        assert f"{name}='" in text
    policies = [json.dumps(one) for one in resources(template, "AWS::IAM::Policy").values()]
    (reads,) = (one for one in policies if "/shared/served/*" in one)
    assert "StorageData" in text
    assert "StorageData" in reads
    found = [json.loads(path.read_text()) for path in Path(assembly.directory).parent.glob("asset.*.json")]
    manifests = [item for one in found if one.get("kind") == "List" for item in one["items"]]
    (endpoint,) = (one for one in manifests if one["kind"] == "InferenceEndpointConfig")
    assert endpoint["spec"]["modelSourceConfig"]["modelLocation"] == "shared/served/llama"
    assert endpoint["spec"]["modelSourceConfig"]["s3Storage"]["region"] == "us-east-1"
    assert endpoint["metadata"]["namespace"] == "hyperpod-ns-models"
