"""Ranges that are added to a VPC."""

from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import ALL, Properties, Request, Resource, unless_gone


class VpcCidrBlock(Resource):
    """Ref is the association's id, as Id is; AWS documents no other."""

    type = "AWS::EC2::VPCCidrBlock"
    applied: ClassVar[Mapping[str, Any]] = {"CidrBlock": ALL, "VpcId": ALL}
    tag_shape: ClassVar[str | None] = None

    def make(self, request: Request) -> str:
        given = request.properties
        if not given.get("CidrBlock"):
            raise CallError("CidrBlock: a range wants one; IPAM pools and IPv6 are not applied", "MissingParameter")
        made = call("ec2", "AssociateVpcCidrBlock", VpcId=given["VpcId"], CidrBlock=given["CidrBlock"])
        return str(made["CidrBlockAssociation"]["AssociationId"])

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        # With its VPC its ranges are gone.
        unless_gone(
            ["InvalidVpcCidrBlockAssociationID.NotFound"], "ec2", "DisassociateVpcCidrBlock", AssociationId=identity
        )


TYPES = (VpcCidrBlock,)
