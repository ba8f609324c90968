"""ECR as SageMaker pulls from it: which images there are, in whose registry, and what EventBridge hears of them.

The environments that stand for images are published under :data:`TAG`, as an operator pushes what images/training
builds; AWS's registries hold the images of ``ml_contract.images``. A repository that was deleted is published again
when the cloud starts again, an image that was deleted is not.

Sources, read 2026-11-22: "Amazon ECR events and EventBridge", Amazon ECR User Guide; BatchGetImage, BatchDeleteImage
and DescribeImages, Amazon ECR API reference.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ministack.core import responses
from ministack.services import ecr

from ml_contract.image_address import ImageAddress
from ml_contract.images import IMAGES
from trainyard.local.hooks.announcing import announce_of
from trainyard.local.hooks.replies import Reply, json_error
from trainyard.local.images import ENVIRONMENT_OF_REPOSITORY, SERVE
from trainyard.local.pulling import Gap

Operation = Callable[[Mapping[str, Any]], Reply]

TAG = "1"
"""Tag of the images that environments stand for."""
_CLOUD = "cloud"
"""The environment of this cloud itself."""


def install() -> None:
    """Puts the hooks in their places."""
    ecr._put_image = _announced(ecr._put_image, "PUSH")
    ecr._batch_delete_image = _announced(_untagging(ecr._batch_delete_image), "DELETE")
    for name in ("_batch_get_image", "_describe_images", "_list_images", "_describe_repositories"):
        setattr(ecr, name, _in_registry(getattr(ecr, name)))
    ecr._describe_images = _honest(ecr._describe_images)


def publish(account: str, region: str, environments: Path) -> None:
    """Gives the registries of this account and of AWS the images that they begin with.

    Args:
        account: the cloud's account.
        region: the cloud's region.
        environments: folder of the environments.
    """
    aws = {image.repository for image in IMAGES}
    standing = set(ENVIRONMENT_OF_REPOSITORY.values()) | {_CLOUD}
    folders = {folder.name for folder in environments.iterdir()} if environments.is_dir() else set()
    own = {name for name in folders - standing if _runs(environments / name)}
    own |= {name for name, folder in ENVIRONMENT_OF_REPOSITORY.items() if name not in aws and folder in folders}
    for name in sorted(own):
        _publish(account, region, name, [TAG])
    for image in IMAGES:
        if region in image.accounts:
            tags = [one.tag for one in IMAGES if one.repository == image.repository]
            _publish(image.accounts[region], region, image.repository, tags)


def missing(uri: str) -> Gap | None:
    """What the registry of ``uri`` does not hold of it; None for other registries than ECR's too."""
    address = ImageAddress.parse(uri)
    if address is None:
        return None
    with responses.request_scope(address.account, address.region):
        if address.repository not in ecr._repositories:
            return "repository"
        return None if ecr._find_image(address.repository, address.identity) else "image"


def _runs(folder: Path) -> bool:
    return any((folder / program).exists() for program in (Path("bin") / "python", SERVE))


def _publish(account: str, region: str, repository: str, tags: Iterable[str]) -> None:
    with responses.request_scope(account, region):
        if repository in ecr._repositories:
            return
        ecr._create_repository({"repositoryName": repository})
        for tag in tags:
            manifest = json.dumps({"schemaVersion": 2, "config": {}, "layers": [], "annotations": {"tag": tag}})
            ecr._put_image.__wrapped__({"repositoryName": repository, "imageTag": tag, "imageManifest": manifest})


def _in_registry(original: Operation) -> Operation:
    """Reads in the registry that a request names: the emulator takes the caller's for every one."""

    @functools.wraps(original)
    def read(request: Mapping[str, Any]) -> Reply:
        account = request.get("registryId") or responses.get_account_id()
        with responses.request_scope(account, responses.get_region()):
            return original(request)

    return read


def _honest(original: Operation) -> Operation:
    """DescribeImages, which fails for an image that is not there: the emulator leaves it out of its answer."""

    @functools.wraps(original)
    def describe(request: Mapping[str, Any]) -> Reply:
        name, account = request.get("repositoryName", ""), request.get("registryId") or responses.get_account_id()
        with responses.request_scope(account, responses.get_region()):
            known = name in ecr._repositories
            gone = next((one for one in request.get("imageIds") or [] if not ecr._find_image(name, one)), None)
        if known and gone:
            digest, tag = (f"'{gone.get(field, 'null')}'" for field in ("imageDigest", "imageTag"))
            message = (
                f"The image with imageId {{imageDigest:{digest}, imageTag:{tag}}} does not exist within the repository "
                f"with name '{name}' in the registry with id '{account}'"
            )
            return json_error("ImageNotFoundException", message)
        return original(request)

    return describe


def _untagging(original: Operation) -> Operation:
    """BatchDeleteImage, where a tag that is not an image's last takes nothing with it but itself."""

    @functools.wraps(original)
    def delete(request: Mapping[str, Any]) -> Reply:
        name, rest, untagged = request.get("repositoryName", ""), [], []
        for one in request.get("imageIds") or []:
            tag, image = one.get("imageTag"), ecr._find_image(name, one)
            if image is None or not tag or one.get("imageDigest") or image["imageTags"] == [tag]:
                rest.append(one)
                continue
            image["imageTags"].remove(tag)
            image["imageId"]["imageTag"] = image["imageTags"][-1]
            untagged.append({"imageDigest": image["imageDigest"], "imageTag": tag})
        if not untagged:
            return original(request)
        status, headers, body = original({**request, "imageIds": rest})
        answer = json.loads(body)
        return status, headers, json.dumps({**answer, "imageIds": [*untagged, *answer["imageIds"]]}).encode()

    return delete


def _announced(original: Operation, action: str) -> Operation:
    @functools.wraps(original)
    def act(request: Mapping[str, Any]) -> Reply:
        reply = original(request)
        status, _, body = reply
        if status == 200:
            answer = json.loads(body)
            for image in [answer["image"]["imageId"]] if action == "PUSH" else answer["imageIds"]:
                detail = {
                    "result": "SUCCESS",
                    "repository-name": request["repositoryName"],
                    "image-digest": image["imageDigest"],
                    "action-type": action,
                    "image-tag": image.get("imageTag", ""),
                }
                announce_of("aws.ecr", "ECR Image Action", detail)
        return reply

    return act
