"""Stacks of a cloud assembly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainyard.assembly.stacks import select


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """An assembly with one stack, and two in the stage `Local`."""

    def stack(folder: Path, name: str, path: str) -> dict:
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps({"Resources": {name: {}}}))
        properties = {"templateFile": f"{name}.json", "stackName": name}
        return {"type": "aws:cloudformation:stack", "displayName": f"{path} ({name})", "properties": properties}

    inner = tmp_path / "assembly-Local"
    rows = {name: stack(inner, f"local-{name}", f"Local/{name.title()}") for name in ("data", "work")}
    (inner / "manifest.json").write_text(json.dumps({"artifacts": rows}))
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": inner.name}}
    tree = {"type": "cdk:tree", "properties": {"file": "tree.json"}}
    outer = {"Tree": tree, "Local": nested, "alone": stack(tmp_path, "alone", "Alone")}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": outer}))
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["Local/**"], ["local-data", "local-work"]),
        (["Local/Work"], ["local-work"]),
        (["local-*", "Alone"], ["local-data", "local-work", "alone"]),
        (["**", "alone"], ["local-data", "local-work", "alone"]),
    ],
)
def test_stacks_are_found_by_name_and_by_path(assembly: Path, patterns: list, names: list) -> None:
    found = select(assembly, patterns)
    assert [stack.name for stack in found] == names
    assert found[0].template == {"Resources": {names[0]: {}}}


def test_a_pattern_without_a_stack_says_what_there_is(assembly: Path) -> None:
    with pytest.raises(ValueError, match=r"stacks: got 'Prod/\*\*'.*Local/Data, Local/Work, Alone"):
        select(assembly, ["Prod/**"])


def test_no_assembly_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no manifest\.json.*cdk synth"):
        select(tmp_path, ["**"])
