"""Names of all properties of a HyperPod cluster: CloudFormation's, the API's, and those of a template."""

import re
from typing import Any

import botocore.session
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from synthesis import ROOT

PAGE = ROOT / "docs" / "hyperpod" / "clusters.md"
ITEMS = ("Labels", "Tags")
"""Maps and lists whose entries have names of the user."""


def of_cloudformation() -> set[str]:
    """Every property that a template may give, for example ``InstanceGroups.SlurmConfig.NodeType``."""
    schema: Any = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::SageMaker::Cluster").schema
    written = {pointer.removeprefix("/properties/").replace("/*", "").replace("/", ".")
               for pointer in schema["readOnlyProperties"]}  # fmt: skip
    return {name for name in _of_schema(schema, schema, "") if name not in written}


def of_api() -> set[str]:
    """Every member of CreateCluster."""
    sagemaker = botocore.session.Session().get_service_model("sagemaker")
    return _of_shape(sagemaker.operation_model("CreateCluster").input_shape, "")


def of_properties(value: Any, path: str = "") -> set[str]:
    """What a template gives."""
    if isinstance(value, list):
        return {path}.union(*(of_properties(item, path) for item in value))
    found = {path} - {""}
    references = {"Ref", "Fn::GetAtt", "Fn::Join"}
    if not isinstance(value, dict) or path.rpartition(".")[2] in ITEMS or references & value.keys():
        return found
    return found.union(*(of_properties(item, _join(path, name)) for name, item in value.items()))


def told(table: str) -> set[str]:
    """Properties in the first column of the table of the page whose second column has this title."""
    (rows,) = re.findall(rf"^\| property that .*{table}.*\|\n(?:\|.*\|\n)+", PAGE.read_text(), re.MULTILINE)
    return {name for row in rows.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def below(name: str, tops: set[str]) -> bool:
    """Whether a property is one of ``tops``, or a part of one."""
    return any(name == top or name.startswith(f"{top}.") for top in tops)


def _of_schema(part: dict[str, Any], schema: dict[str, Any], path: str) -> set[str]:
    if "$ref" in part:
        part = schema["definitions"][part["$ref"].rpartition("/")[2]]
    found = {path} - {""}
    if path.rpartition(".")[2] in ITEMS:
        return found
    for below_ in (part.get("items"), *part.get("oneOf", ())):
        found |= _of_schema(below_, schema, path) if below_ else set()
    for name, item in part.get("properties", {}).items():
        found |= _of_schema(item, schema, _join(path, name))
    return found


def _of_shape(shape: Any, path: str) -> set[str]:
    found = {path} - {""}
    if shape.type_name == "list" and path not in ITEMS:
        found |= _of_shape(shape.member, path)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            found |= _of_shape(member, _join(path, name))
    return found


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
