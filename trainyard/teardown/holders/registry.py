"""Model package groups of SageMaker, and repositories of images."""

from __future__ import annotations

from functools import partial
from itertools import islice

from trainyard.teardown.bills import NOTHING, Tariff
from trainyard.teardown.holders.base import Contents, Holder, Say, count, plain_name, size
from trainyard.teardown.looking import Look

_BATCH = 100
"""Images of one BatchDeleteImage (Amazon ECR API reference, read 2026-11-22)."""


class PackageGroup(Holder):
    """Versions of a model: what was registered, approved and evaluated. They bill nothing; their archives do."""

    type = "AWS::SageMaker::ModelPackageGroup"
    noun = "model package group"
    _gone = ("does not exist", "not found", "ResourceNotFound")

    def arn(self, identity: str, account: str, region: str) -> str:
        # Ref gives the ARN.
        return (
            identity
            if identity.startswith("arn:")
            else f"arn:aws:sagemaker:{region}:{account}:model-package-group/{identity}"
        )

    def identity(self, arn: str) -> str | None:
        return arn if plain_name("sagemaker", arn, "model-package-group/") else None

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client, name = look.client("sagemaker"), identity.rpartition("/")[2]
        if look.unless(self._gone, lambda: client.describe_model_package_group(ModelPackageGroupName=name)) is None:
            return None
        packages = len(self._packages(look, name))
        return Contents(says=count(packages, "package") if packages else "empty", data=packages > 0, bill=NOTHING)

    def empty(self, look: Look, identity: str, say: Say) -> None:
        client = look.client("sagemaker")
        for arn in self._packages(look, identity.rpartition("/")[2]):
            look.unless(self._gone, partial(client.delete_model_package, ModelPackageName=arn))

    def delete(self, look: Look, identity: str, say: Say) -> None:
        client, name = look.client("sagemaker"), identity.rpartition("/")[2]
        look.unless(self._gone, lambda: client.delete_model_package_group(ModelPackageGroupName=name))

    @staticmethod
    def _packages(look: Look, group: str) -> list[str]:
        found = look.all("sagemaker", "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=group)
        return [each["ModelPackageArn"] for each in found]


class Repository(Holder):
    """Images."""

    type = "AWS::ECR::Repository"
    noun = "repository"
    _gone = ("RepositoryNotFoundException",)

    def arn(self, identity: str, account: str, region: str) -> str:
        return f"arn:aws:ecr:{region}:{account}:repository/{identity}"

    def identity(self, arn: str) -> str | None:
        return plain_name("ecr", arn, "repository/")

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client = look.client("ecr")
        found = look.unless(self._gone, lambda: client.describe_repositories(repositoryNames=[identity]))
        if found is None:
            return None
        images = list(look.all("ecr", "describe_images", "imageDetails", repositoryName=identity))
        stored = sum(each.get("imageSizeInBytes", 0) for each in images)
        encryption = found["repositories"][0].get("encryptionConfiguration", {})
        return Contents(
            says=f"{count(len(images), 'image')}, {size(stored)}" if images else "empty",
            data=bool(images),
            bill=tariff.stored("ecr/stored-gb-month", stored),
            key=encryption.get("kmsKey"),
        )

    def empty(self, look: Look, identity: str, say: Say) -> None:
        client = look.client("ecr")
        images = look.all("ecr", "list_images", "imageIds", repositoryName=identity)
        while batch := list(islice(images, _BATCH)):
            client.batch_delete_image(repositoryName=identity, imageIds=batch)

    def delete(self, look: Look, identity: str, say: Say) -> None:
        # Forced: an index of several platforms leaves images without a tag that one listing does not show.
        look.unless(self._gone, lambda: look.client("ecr").delete_repository(repositoryName=identity, force=True))
