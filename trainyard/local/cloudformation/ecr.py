"""ECR repositories: the bootstrap stack has one for image assets."""

from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, boolean, call
from trainyard.local.cloudformation.kms import existing_key
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    policy_text,
    tag_changes,
    tag_list,
    unless_gone,
)


class Repository(Resource):
    type = "AWS::ECR::Repository"
    custom_name = "RepositoryName"
    applied: ClassVar[Mapping[str, Any]] = {
        "EmptyOnDelete": ALL,
        "EncryptionConfiguration": {"EncryptionType": ALL, "KmsKey": ALL},
        "ImageScanningConfiguration": {"ScanOnPush": ALL},
        "ImageTagMutability": ALL,
        "LifecyclePolicy": {"LifecyclePolicyText": ALL, "RegistryId": ALL},
        "RepositoryName": ALL,
        "RepositoryPolicyText": ALL,
        "Tags": TAGS,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        name = request.name("RepositoryName", limit=256, lowercase=True)
        encryption = given.get("EncryptionConfiguration", {})
        if encryption.get("KmsKey"):
            existing_key(encryption["KmsKey"])
        names = {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"}
        call(
            "ecr",
            "CreateRepository",
            repositoryName=name,
            encryptionConfiguration={names[k]: v for k, v in encryption.items()} or None,
            tags=tag_list(given) or None,
        )
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        mutability = new.get("ImageTagMutability", "MUTABLE")
        call("ecr", "PutImageTagMutability", repositoryName=identity, imageTagMutability=mutability)
        scan = boolean(new.get("ImageScanningConfiguration", {}).get("ScanOnPush", False), "ScanOnPush")
        call(
            "ecr",
            "PutImageScanningConfiguration",
            repositoryName=identity,
            imageScanningConfiguration={"scanOnPush": scan},
        )
        self._policies(identity, old, new)
        if old:
            self._retag(identity, old, new)

    @staticmethod
    def _policies(name: str, old: Properties, new: Properties) -> None:
        lifecycle = new.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        if lifecycle:
            call("ecr", "PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=lifecycle)
        elif "LifecyclePolicy" in old:
            call("ecr", "DeleteLifecyclePolicy", repositoryName=name)
        policy = new.get("RepositoryPolicyText")
        if policy:
            call("ecr", "SetRepositoryPolicy", repositoryName=name, policyText=policy_text(policy))
        elif "RepositoryPolicyText" in old:
            call("ecr", "DeleteRepositoryPolicy", repositoryName=name)

    def _retag(self, name: str, old: Properties, new: Properties) -> None:
        add, remove = tag_changes(old, new)
        arn = self.attributes(name, new)["Arn"]
        if remove:
            call("ecr", "UntagResource", resourceArn=arn, tagKeys=remove)
        if add:
            call("ecr", "TagResource", resourceArn=arn, tags=add)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = call("ecr", "DescribeRepositories", repositoryNames=[identity])["repositories"]
        if not found:
            raise CallError(f"the repository {identity} does not exist", "RepositoryNotFoundException")
        return {"Arn": found[0]["repositoryArn"], "RepositoryUri": found[0]["repositoryUri"]}

    def remove(self, identity: str, properties: Properties) -> None:
        force = boolean(properties.get("EmptyOnDelete", False), "EmptyOnDelete")
        unless_gone(["RepositoryNotFoundException"], "ecr", "DeleteRepository", repositoryName=identity, force=force)


TYPES = (Repository,)
