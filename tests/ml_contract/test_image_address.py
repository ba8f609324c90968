"""Addresses of images, alone and within other text."""

from __future__ import annotations

import json

import pytest

from ml_contract.image_address import ImageAddress, named_in

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        (f"{HOST}/a/b:1", ("a/b", {"imageTag": "1"})),
        (f"{HOST}/a", ("a", {"imageTag": "latest"})),
        (f"{HOST}/a@{DIGEST}", ("a", {"imageDigest": DIGEST})),
        (f"{HOST}/a:1@{DIGEST}", ("a", {"imageDigest": DIGEST})),
        (f"{HOST}.cn/a:1", ("a", {"imageTag": "1"})),
        ("registry:5000/a:1", None),
        ("a:1", None),
        ("", None),
    ],
)
def test_an_address_is_what_a_uri_says(uri: str, found: tuple[str, dict[str, str]] | None) -> None:
    address = ImageAddress.parse(uri)
    assert (address and (address.repository, address.identity)) == found


def test_a_text_names_images_among_other_things() -> None:
    definition = json.dumps({"Image": f"{HOST}/a:1", "Steps": [json.dumps({"ImageUri": f"{HOST}/b/c@{DIGEST}"})]})
    assert [address.uri for address in named_in(f"{definition} {HOST}/ x")] == [f"{HOST}/a:1", f"{HOST}/b/c@{DIGEST}"]
