"""Images that templates name, and what their registries say of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ml_contract.images import PYTORCH_TRAINING_2_9, image_uri
from trainyard.operations import images
from trainyard.operations.connection import Connection, OperationError

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


class Ecr:
    """A registry of one repository with one image; another one may not be asked."""

    meta = SimpleNamespace(region_name="us-east-1")

    def batch_get_image(self, repositoryName: str, imageIds: list[dict[str, str]], **_: Any) -> dict[str, Any]:
        code = {"gone": "RepositoryNotFoundException", "foreign": "AccessDeniedException"}.get(repositoryName)
        if code:
            raise ClientError({"Error": {"Code": code, "Message": f"{repositoryName}: {code}"}}, "BatchGetImage")
        if imageIds == [{"imageTag": "1"}]:
            return {"images": [{}], "failures": []}
        return {"images": [], "failures": [{"failureReason": "Requested image not found"}]}


def checked(*uris: object) -> dict[str, tuple[str, str]]:
    connection = Connection(None, {"ecr": Ecr()})
    found = images.check(connection, [("stack", {"Resources": {"Any": list(uris)}})])
    return {image.uri: (image.status, image.why) for image in found}


def test_a_registry_is_asked_once_for_what_several_stacks_name() -> None:
    template = {"Image": f"{HOST}/mine:1", "Body": json.dumps({"Image": f"{HOST}/mine:1"})}
    (found,) = images.check(Connection(None, {"ecr": Ecr()}), [("a", template), ("b", template)])
    assert (found.status, found.stacks) == ("there", ("a", "b"))


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        (f"{HOST}/mine:2", ("missing", "Requested image not found")),
        (f"{HOST}/gone:1", ("missing", "gone: RepositoryNotFoundException")),
        (f"{HOST}/foreign:1", ("refused", "foreign: AccessDeniedException")),
        (f"{HOST.replace('us-east-1', 'eu-west-1')}/mine:1", ("elsewhere", "set AWS_REGION=eu-west-1")),
    ],
)
def test_what_cannot_be_pulled_is_told(uri: str, found: tuple[str, str]) -> None:
    status, why = checked(uri)[uri]
    assert status == found[0]
    assert found[1] in why


def test_what_is_joined_in_a_template_is_one_address() -> None:
    joined = {"Fn::Join": ["", ["123456789012.dkr.ecr.us-east-1.", "amazonaws.com/mine", ":1"]]}
    assert list(checked(joined)) == [f"{HOST}/mine:1"]


def test_support_ends_as_the_table_says() -> None:
    uri = image_uri(PYTORCH_TRAINING_2_9, "us-east-1")
    (found,) = images.check(Connection(None, {"ecr": Ecr()}), [("stack", {"Image": uri})])
    assert found.to_json()["end_of_support"] == "2026-10-15"


def test_an_assembly_without_the_environment_says_which_it_has(tmp_path: Path) -> None:
    stage = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "t.json"},
        "displayName": "Prod/Storage",
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"ProdStorage": stage}}))
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(OperationError, match=r"prdo: .* has no such environment\. It has prod"):
        list(images.synthesised(tmp_path, "prdo"))
    assert [name for name, _ in images.synthesised(tmp_path, "prod")] == ["ProdStorage"]
