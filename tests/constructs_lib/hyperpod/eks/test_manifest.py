"""Manifests are refused where an API server refuses, drops or ignores: the checker against jsonschema itself."""

import copy
import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from constructs_lib.hyperpod.eks.manifest import check
from ml_contract.errors import ContractError

FOLDER = resources.files("constructs_lib.hyperpod.eks") / "schemas"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.name.endswith(".json"))
JOB = {
    "apiVersion": "sagemaker.amazonaws.com/v1",
    "kind": "HyperPodPyTorchJob",
    "metadata": {"name": "llama", "labels": {"team": "a"}},
    "spec": {
        "nprocPerNode": "8",
        "runPolicy": {"cleanPodPolicy": "None", "restartPolicy": {"evalPeriodSeconds": 60}},
        "replicaSpecs": [
            {
                "name": "nodes",
                "replicas": 2,
                "template": {
                    "spec": {
                        "containers": [
                            {"name": "a", "image": "b", "ports": [{"containerPort": 8080}],
                             "resources": {"limits": {"nvidia.com/gpu": 8}}, "env": [{"name": "A", "value": "1"}]}
                        ],
                        "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 3}],
                    }
                },
            }
        ],
    },
}  # fmt: skip


def validator() -> jsonschema.Draft202012Validator:
    core = Resource.from_contents(json.loads((FOLDER / "core.json").read_text()), DRAFT202012)
    schema = json.loads((FOLDER / "hyperpodpytorchjob.json").read_text())["kinds"]["HyperPodPyTorchJob"]
    registry: Registry[Any] = Registry().with_resource("core.json", core)
    return jsonschema.Draft202012Validator(schema, registry=registry)


VALIDATOR = validator()


def altered(path: str, value: object) -> dict[str, Any]:
    found: Any = copy.deepcopy(JOB)
    *way, last = path.split("/")
    place = found
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = value
    return found


def test_a_right_manifest_comes_back() -> None:
    assert check(JOB) is JOB


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("spec/replicaSpecs/0/replicas", "2", "HyperPodPyTorchJob.spec.replicaSpecs[0].replicas"),
        ("spec/replicaSpecs/0/replicas", -1, "HyperPodPyTorchJob.spec.replicaSpecs[0].replicas"),
        ("spec/replicaSpecs/0/replica", 2, "HyperPodPyTorchJob.spec.replicaSpecs[0].replica"),
        ("spec/runPolicy/cleanPodPolicy", "Some", "HyperPodPyTorchJob.spec.runPolicy.cleanPodPolicy"),
        ("spec/runPolicy/restartPolicy", {}, "HyperPodPyTorchJob.spec.runPolicy.restartPolicy.evalPeriodSeconds"),
        ("spec/nprocPerNode", 8, "HyperPodPyTorchJob.spec.nprocPerNode"),
        ("spec/nprocPerNode", None, "HyperPodPyTorchJob.spec.nprocPerNode"),
        ("metadata/name", "Llama", "HyperPodPyTorchJob.metadata.name"),
        ("metadata/labels/team", 1, "HyperPodPyTorchJob.metadata.labels.team"),
        ("kind", "PyTorchJob", "kind"),
        (
            "spec/replicaSpecs/0/template/spec/containers/0/imag", "b",
            "HyperPodPyTorchJob.spec.replicaSpecs[0].template.spec.containers[0].imag",
        ),
        (
            "spec/replicaSpecs/0/template/spec/containers/0/env/0/value", 1,
            "HyperPodPyTorchJob.spec.replicaSpecs[0].template.spec.containers[0].env[0].value",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(path: str, value: object, field: str) -> None:
    with pytest.raises(ContractError) as raised:
        check(altered(path, value))
    assert raised.value.field == field


FLAVOR = {"name": "gpus", "resources": [{"name": "memory", "nominalQuota": "1Gi"}]}


@pytest.mark.parametrize(
    ("flavor", "words"),
    [
        ({**FLAVOR, "name": "GPUs"}, "it must match"),
        ({**FLAVOR, "name": "a" * 254}, "254 characters"),
        ({**FLAVOR, "resources": []}, "0 items"),
    ],
)
def test_texts_and_lists_are_held_against_pattern_and_length(flavor: dict[str, Any], words: str) -> None:
    groups = [{"coveredResources": ["memory"], "flavors": [flavor]}]
    queue = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "metadata": {"name": "a"},
             "spec": {"resourceGroups": groups}}  # fmt: skip
    with pytest.raises(ContractError, match=words):
        check(queue)


@pytest.mark.parametrize("file", FILES)
def test_a_schema_says_where_it_is_from_and_holds_no_prose(file: str) -> None:
    found = json.loads((FOLDER / file).read_text())
    assert found["source"]
    assert (found["licence"], found["read"]) == ("Apache-2.0", "2026-11-22")

    def prose(value: object) -> bool:
        if isinstance(value, dict):
            return isinstance(value.get("description"), str) or any(map(prose, value.values()))
        return isinstance(value, list) and any(map(prose, value))

    assert not prose(found)


LEAVES = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "None", "8", "x"])
NAMES = st.sampled_from(["name", "value", "spec", "key", "replicas", "image"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
PATHS = st.sampled_from(
    ["spec", "spec/runPolicy", "spec/runPolicy/restartPolicy", "spec/replicaSpecs", "spec/replicaSpecs/0",
     "spec/replicaSpecs/0/template", "spec/replicaSpecs/0/template/spec/containers/0/ports",
     "spec/replicaSpecs/0/template/spec/containers/0/resources/limits",
     "spec/replicaSpecs/0/template/spec/tolerations/0", "metadata/labels"]
)  # fmt: skip


@given(PATHS, VALUES)
@settings(max_examples=60, deadline=None)
def test_nothing_passes_that_the_schema_refuses(path: str, value: object) -> None:
    """Whatever jsonschema finds wrong is refused here too; the other way round we are stricter by intent."""
    manifest = altered(path, value)
    if list(VALIDATOR.iter_errors(manifest)):
        with pytest.raises(ContractError):
            check(manifest)
