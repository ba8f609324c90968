"""The metadata resource that CDK puts into every stack."""

from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.resource import ALL, Properties, Request, Resource


class Metadata(Resource):
    type = "AWS::CDK::Metadata"
    applied: ClassVar[Mapping[str, Any]] = {"Analytics": ALL, "Modules": ALL}
    tag_shape = None

    def make(self, request: Request) -> str:
        # It carries statistics to AWS and makes nothing there either.
        return f"CDKMetadata-{request.logical_id}"

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        """Nothing was made."""


TYPES = (Metadata,)
