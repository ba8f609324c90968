"""Two small assemblies, compared by the real CDK CLI."""

import json
from pathlib import Path

import pytest

from ml_contract.errors import ContractError
from trainyard.assembly.diff import compare, markdown
from trainyard.assembly.stacks import stacks


def bucket(**properties: object) -> dict[str, object]:
    return {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete", "Properties": properties}


def assembly(folder: Path, templates: dict[str, dict[str, object]]) -> Path:
    """An assembly with one stage that holds the templates as stacks."""
    stage = folder / "assembly-Prod"
    stage.mkdir(parents=True)
    artifacts = {}
    for name, resources in templates.items():
        (stage / f"{name}.template.json").write_text(json.dumps({"Resources": resources}))
        artifacts[f"Prod{name}"] = {
            "type": "aws:cloudformation:stack",
            "environment": "aws://123456789012/us-east-1",
            "properties": {"templateFile": f"{name}.template.json", "stackName": f"prod-{name.lower()}"},
            "displayName": f"Prod/{name}",
        }
    (stage / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": artifacts}))
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod", "displayName": "Prod"}}
    (folder / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": {"assembly-Prod": nested}}))
    return folder


def test_stacks_of_nested_stages_are_found(tmp_path: Path) -> None:
    (found,) = stacks(assembly(tmp_path, {"Storage": {"Data": bucket()}}))
    assert (found.id, found.name) == ("Prod/Storage", "prod-storage")
    assert set(found.template["Resources"]) == {"Data"}


def test_a_folder_without_assembly_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cdk synth"):
        stacks(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "destructive"),
    [
        ({"Storage": {"Data": bucket()}}, {"Storage": {"Data": bucket()}}, []),
        ({"Storage": {"Data": bucket()}}, {"Storage": {"Data": bucket(), "More": bucket()}}, []),
        ({"Storage": {"Data": bucket(), "More": bucket()}}, {"Storage": {"Data": bucket()}},
         ["More will be destroyed"]),
        ({"Storage": {"Data": bucket(BucketName="a")}}, {"Storage": {"Data": bucket(BucketName="b")}},
         ["Data will be replaced"]),
        ({"Storage": {"Data": bucket()}, "Old": {"Gone": bucket()}}, {"Storage": {"Data": bucket()}},
         ["Gone will be destroyed with its stack"]),
        ({}, {"Storage": {"Data": bucket()}}, []),
    ],
    ids=["same", "added", "removed", "replaced", "stack gone", "stack new"],
)  # fmt: skip
def test_what_destroys_is_named(tmp_path: Path, before: dict, after: dict, destructive: list[str]) -> None:
    found = compare(assembly(tmp_path / "base", before), assembly(tmp_path / "head", after))
    sentences = [sentence for each in found for sentence in each.destructive]
    assert len(sentences) == len(destructive)
    assert all(expected in sentence for expected, sentence in zip(destructive, sentences, strict=True))
    assert ("Destructive" in markdown(found)) == bool(destructive)
