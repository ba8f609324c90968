"""Systems Manager parameters."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import (
    ALL,
    Properties,
    Request,
    Resource,
    tag_changes,
    tag_list,
    unless_gone,
)

_FIELDS = ("AllowedPattern", "DataType", "Description", "Tier", "Type", "Value")


class Parameter(Resource):
    type = "AWS::SSM::Parameter"
    custom_name = "Name"
    tag_shape = "map"
    applied: ClassVar[Mapping[str, Any]] = {**dict.fromkeys(_FIELDS, ALL), "Name": ALL, "Tags": ALL}

    def make(self, request: Request) -> str:
        given = request.properties
        if given["Type"] not in ("String", "StringList"):
            # CloudFormation does not create secrets, because templates are readable.
            raise CallError(f"Type: got {given['Type']!r}, but it is String or StringList", "UnsupportedParameterType")
        name = request.name("Name", limit=1011)
        call("ssm", "PutParameter", Name=name, Overwrite=False, Tags=tag_list(given) or None, **self._fields(given))
        return name

    @staticmethod
    def _fields(properties: Properties) -> dict[str, Any]:
        return {name: properties[name] for name in _FIELDS if name in properties}

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        if self._fields(old) != self._fields(new):
            call("ssm", "PutParameter", Name=identity, Overwrite=True, **self._fields(new))
        add, remove = tag_changes(old, new)
        target = {"ResourceType": "Parameter", "ResourceId": identity}
        if remove:
            call("ssm", "RemoveTagsFromResource", TagKeys=remove, **target)
        if add:
            call("ssm", "AddTagsToResource", Tags=add, **target)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        path = identity if identity.startswith("/") else f"/{identity}"
        arn = f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter{path}"
        return {"Arn": arn, "Type": properties["Type"], "Value": properties["Value"]}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(["ParameterNotFound"], "ssm", "DeleteParameter", Name=identity)


TYPES = (Parameter,)
