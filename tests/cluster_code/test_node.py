"""What the scripts read of their documents, by the reader that goes to a node."""

from __future__ import annotations

import copy
import json
import re
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cluster_documents
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster_code import LIFECYCLE
from cluster_code.lifecycle.node import answer, documents, questions
from cluster_code.lifecycle.node import shape as shapes
from cluster_code.lifecycle.node.shape import Refused, check
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.nodes import NODE_TYPES
from ml_contract.clusters.software import Slurm

ALL = cluster_documents.configuration()
OTHERS = (
    cluster_documents.configuration(mounts=(cluster_documents.LUSTRE,)),
    cluster_documents.configuration(users=cluster_documents.DIRECTORY),
    cluster_documents.configuration(users=None, containers=None, scratch=None, exporters=(), mounts=()),
)
MINE = ("172.17.0.1", "10.0.0.21")
Put = Callable[..., None]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts documents where the reader looks; this node has one of the cluster's addresses."""
    monkeypatch.setattr(documents, "SCRIPTS", str(tmp_path))
    monkeypatch.setenv("SAGEMAKER_RESOURCE_CONFIG_PATH", str(tmp_path / "resource_config.json"))
    monkeypatch.setenv("LIFECYCLE_REASON", str(tmp_path / "reason"))

    def put(document: object, resources: object = None) -> None:
        (tmp_path / "lifecycle.json").write_text(document if isinstance(document, str) else json.dumps(document))
        text = cluster_documents.resources().to_text() if resources is None else resources
        (tmp_path / "resource_config.json").write_text(text if isinstance(text, str) else json.dumps(text))

    return put


def plain(configuration: LifecycleConfiguration) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(configuration.to_text())
    return found


def resources() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster_documents.resources().to_text())
    return found


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every field of a document, by the way to it."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield (*path, name)
            yield from paths(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from paths(part, (*path, index))


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        document = document[part]
    return document


def written(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


@pytest.mark.parametrize("configuration", [ALL, *OTHERS])
def test_what_constructs_write_is_read(told: Put, configuration: LifecycleConfiguration) -> None:
    told(configuration.to_text())
    assert documents.configuration()["cluster"] == "research"


@pytest.mark.parametrize("configuration", [ALL, *OTHERS])
def test_every_field_that_is_missing_is_named(configuration: LifecycleConfiguration) -> None:
    document = plain(configuration)
    del document["version"]
    for path in paths(document):
        broken = copy.deepcopy(document)
        del at(broken, path[:-1])[path[-1]]
        # An item less is no less of a list; where one is taken away, the next one is in its place.
        if isinstance(path[-1], int):
            check(broken, shapes.LIFECYCLE, "")
        else:
            with pytest.raises(Refused, match=rf"^{re.escape(written(path))}[:.]"):
                check(broken, shapes.LIFECYCLE, "")


def test_every_field_of_another_type_is_named() -> None:
    document = plain(ALL)
    del document["version"]
    for path in paths(document):
        broken = copy.deepcopy(document)
        at(broken, path[:-1])[path[-1]] = 0.5
        with pytest.raises(Refused, match=rf"^{re.escape(written(path))}[:.]"):
            check(broken, shapes.LIFECYCLE, "")


@pytest.mark.parametrize("path", [("groups", 0, "node_type"), ("slurm", "daemons"), ("slurm", "logins")], ids=written)
def test_a_word_that_means_nothing_is_named_with_those_that_do(path: tuple[str | int, ...]) -> None:
    document = plain(ALL)
    del document["version"]
    at(document, path[:-1])[path[-1]] = ""
    with pytest.raises(Refused, match=rf"^{re.escape(written(path))}: got '', but it must be one of [a-z-]+, [a-z-]+"):
        check(document, shapes.LIFECYCLE, "")


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("which", ["lifecycle.json", "resource_config.json"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(data=st.data())
def test_whatever_stands_anywhere_is_read_or_refused_in_one_line(
    told: Put, which: str, data: st.DataObject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = {"lifecycle.json": plain(ALL), "resource_config.json": resources()}
    path = data.draw(st.sampled_from([(), *paths(both[which])]))
    nonsense = data.draw(NONSENSE)
    if path:
        at(both[which], path[:-1])[path[-1]] = nonsense
    else:
        both[which] = nonsense
    told(*map(json.dumps, both.values()))
    (tmp_path / "reason").unlink(missing_ok=True)
    code = answer.main(["facts", *MINE])
    said = capsys.readouterr()
    if code:
        assert code == answer.EXIT_CONFIGURATION
        reason = (tmp_path / "reason").read_text()
        assert which in reason or "lifecycle.json: groups: this node" in reason
        assert len(said.err.split("\n")) == 2
    else:
        assert said.out.startswith("NODE_TYPE=")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"it is no JSON \(Expecting value"),
        ("[" * 100_000, r"it is no JSON \(maximum recursion depth"),
        ('{"version": 1, "cluster": "\\ud800"}', r"it is no JSON \('utf-8' codec can't encode"),
        (plain(ALL) | {"version": 2}, "version: got 2, but these scripts read version 1"),
        (ALL.to_text()[:100], "it is no JSON"),
    ],
    ids=["empty", "deep", "surrogate", "version", "half"],
)
def test_a_document_that_is_none(told: Put, text: object, reason: str) -> None:
    told(text)
    with pytest.raises(Refused, match=rf"^lifecycle\.json: {reason}"):
        documents.configuration()


def test_a_document_in_bytes_of_another_encoding(told: Put, tmp_path: Path) -> None:
    told("{}")
    (tmp_path / "lifecycle.json").write_bytes('{"cluster": "Größe"}'.encode("latin-1"))
    with pytest.raises(Refused, match=r"^lifecycle\.json: it is no JSON \('utf-8' codec can't decode"):
        documents.configuration()


def test_a_field_that_nobody_reads_is_refused(told: Put) -> None:
    document = plain(ALL)
    document["slurm"]["partitions"] = []
    told(document)
    with pytest.raises(Refused, match=r"^lifecycle.json: slurm.partitions: there is no such field$"):
        documents.configuration()


def test_a_node_finds_itself_by_one_of_its_addresses(told: Put) -> None:
    told(plain(ALL))
    facts = set(questions.facts(*MINE))
    assert {"NODE_TYPE=compute", "GROUP=workers", "INSTANCE_NAME=workers-1", "ADDRESS=10.0.0.21",
            "CONTROLLERS=10.0.0.10", "REGION=eu-west-1", "ACCOUNT=123456789012"} <= facts  # fmt: skip


def test_a_node_of_a_group_that_the_scripts_do_not_know(told: Put) -> None:
    known = resources()
    known["InstanceGroups"][2]["Name"] = "newcomers"
    told(plain(ALL), known)
    with pytest.raises(Refused, match="this node is of 'newcomers', but it names controller, login, workers"):
        questions.facts(*MINE)


@pytest.mark.parametrize("change", [lambda group: group.update(Instances=None), lambda group: group.pop("Instances")])
def test_a_group_without_nodes(told: Put, change: Callable[[dict[str, Any]], object]) -> None:
    known = resources()
    change(known["InstanceGroups"][1])
    told(plain(ALL), known)
    assert "NODE_TYPE=compute" in questions.facts(*MINE)


def test_resources_without_a_name_that_is_needed(told: Put) -> None:
    known = resources()
    del known["InstanceGroups"][0]["Instances"][0]["CustomerIpAddress"]
    told(plain(ALL), known)
    named = r"resource_config\.json: InstanceGroups\[0\]\.Instances\[0\]\.CustomerIpAddress: it is missing$"
    with pytest.raises(Refused, match=named):
        questions.facts(*MINE)


def test_an_empty_field_of_a_row_keeps_its_place(told: Put) -> None:
    told(plain(ALL))
    row = questions.rows("exporters", "kind", "image", "path")[1]
    assert row == "binary\x1f\x1f/usr/local/bin/dcgm-exporter"


def test_the_steps_of_a_node(told: Put) -> None:
    told(plain(ALL))
    # As the shell would take it.
    plan = "\n".join(questions.facts(*MINE)).partition("PLAN='")[2].removesuffix("'").splitlines()
    assert plan == [f"{step.name} {step.limit} {step.tries} {step.wait}" for step in ALL.steps("compute")]


def test_modules_of_the_reader_are_known_by_relative_names_alone() -> None:
    # On a node it is no part of cluster_code.
    assert isinstance(sys.modules["cluster_code.lifecycle.node.answer"], ModuleType)
    for path in (LIFECYCLE / "node").glob("*.py"):
        assert not re.search(r"^\s*(from|import) (cluster_code|ml_contract)", path.read_text(), re.MULTILINE), path


def test_what_a_field_may_say_is_what_the_contract_lets_it_say() -> None:
    hints = typing.get_type_hints(Slurm)
    assert set(NODE_TYPES) == shapes.NODE_TYPES
    assert set(typing.get_args(hints["daemons"])) == shapes.DAEMONS
    assert set(typing.get_args(hints["logins"])) == shapes.LOGINS
