"""What the scripts read of their documents, by the reader that goes to a node."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
from types import ModuleType

import cluster_documents
import pytest

from cluster_code import LIFECYCLE
from ml_contract.clusters.lifecycle import LifecycleConfiguration

ALL = cluster_documents.configuration()
OTHERS = (
    cluster_documents.configuration(mounts=(cluster_documents.LUSTRE,)),
    cluster_documents.configuration(users=cluster_documents.DIRECTORY),
    cluster_documents.configuration(users=None, containers=None, scratch=None, exporters=(), mounts=()),
)


@pytest.fixture(scope="module")
def node() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lifecycle_node", LIFECYCLE / "node.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def told(node, tmp_path, monkeypatch):
    """Puts documents where the reader looks; None leaves one out."""

    def put(document: object, resources: object = None, address: str = "10.0.0.21") -> ModuleType:
        monkeypatch.setattr(node, "__file__", str(tmp_path / "node.py"))
        monkeypatch.setenv("SAGEMAKER_RESOURCE_CONFIG_PATH", str(tmp_path / "resource_config.json"))
        monkeypatch.setattr(node, "addresses", lambda: {"172.17.0.1", address})
        (tmp_path / "lifecycle.json").write_text(document if isinstance(document, str) else json.dumps(document))
        text = cluster_documents.resources().to_text() if resources is None else json.dumps(resources)
        (tmp_path / "resource_config.json").write_text(text)
        return node

    return put


def plain(configuration: LifecycleConfiguration) -> dict:
    return json.loads(configuration.to_text())


def paths(value: object, path: tuple = ()):
    """Every field of a document, by the way to it."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield (*path, name)
            yield from paths(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from paths(part, (*path, index))


def at(document: object, path: tuple):
    for part in path:
        document = document[part]
    return document


def written(path: tuple) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


@pytest.mark.parametrize("configuration", [ALL, *OTHERS])
def test_what_constructs_write_is_read(told, configuration):
    assert told(configuration.to_text()).configuration()["cluster"] == "research"


@pytest.mark.parametrize("configuration", [ALL, *OTHERS])
def test_every_field_that_is_missing_is_named(node, configuration):
    document = plain(configuration)
    del document["version"]
    for path in paths(document):
        broken = copy.deepcopy(document)
        del at(broken, path[:-1])[path[-1]]
        # An item less is no less of a list; where one is taken away, the next one is in its place.
        if isinstance(path[-1], int):
            node.check(broken, node.DOCUMENT, "")
        else:
            with pytest.raises(node.Refused, match=rf"^{re.escape(written(path))}[:.]"):
                node.check(broken, node.DOCUMENT, "")


def test_every_field_of_another_type_is_named(node):
    document = plain(ALL)
    del document["version"]
    for path in paths(document):
        # Items that are texts are the business of whoever wrote them.
        if isinstance(path[-1], int) and isinstance(at(document, path), str):
            continue
        broken = copy.deepcopy(document)
        at(broken, path[:-1])[path[-1]] = 0.5
        with pytest.raises(node.Refused, match=rf"^{re.escape(written(path))}[:.]"):
            node.check(broken, node.DOCUMENT, "")


def test_a_field_that_nobody_reads_is_refused(told):
    document = plain(ALL)
    document["slurm"]["partitions"] = []
    reader = told(document)
    with pytest.raises(reader.Refused, match=r"^lifecycle.json: slurm.partitions: there is no such field$"):
        reader.configuration()


def test_a_document_of_another_version(told):
    reader = told({**plain(ALL), "version": 2})
    with pytest.raises(reader.Refused, match="version: got 2, but these scripts read version 1"):
        reader.configuration()


def test_half_a_document(told):
    reader = told(ALL.to_text()[:100])
    with pytest.raises(reader.Refused, match=r"^lifecycle.json: it is no JSON"):
        reader.configuration()


def test_a_node_finds_itself_by_one_of_its_addresses(told):
    facts = told(plain(ALL)).facts()
    assert {"NODE_TYPE=compute", "GROUP=workers", "INSTANCE_NAME=workers-1", "ADDRESS=10.0.0.21",
            "CONTROLLERS=10.0.0.10", "REGION=eu-west-1", "ACCOUNT=123456789012"} <= set(facts)  # fmt: skip


def test_a_node_of_a_group_that_the_scripts_do_not_know(told):
    resources = json.loads(cluster_documents.resources().to_text())
    resources["InstanceGroups"][2]["Name"] = "newcomers"
    reader = told(plain(ALL), resources)
    with pytest.raises(reader.Refused, match="this node is of 'newcomers', but it names controller, login, workers"):
        reader.facts()


def test_a_group_without_nodes(told):
    resources = json.loads(cluster_documents.resources().to_text())
    resources["InstanceGroups"][1]["Instances"] = None
    assert "NODE_TYPE=compute" in told(plain(ALL), resources).facts()


def test_resources_without_a_name_that_is_needed(told):
    resources = json.loads(cluster_documents.resources().to_text())
    del resources["InstanceGroups"][0]["Instances"][0]["CustomerIpAddress"]
    reader = told(plain(ALL), resources)
    with pytest.raises(reader.Refused, match=r"resource_config\.json: 'CustomerIpAddress' is missing"):
        reader.facts()


def test_an_empty_field_of_a_row_keeps_its_place(told):
    assert (
        told(plain(ALL)).rows("exporters", "kind", "image", "path")[1] == "binary\x1f\x1f/usr/local/bin/dcgm-exporter"
    )


def test_the_steps_of_a_node(told):
    rows = told(plain(ALL)).steps("login")
    assert [row.split()[0] for row in rows] == [step.name for step in ALL.steps("login")]
