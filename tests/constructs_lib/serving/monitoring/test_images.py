"""The accounts of the two images are those of the SDK's offline map."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from constructs_lib.serving.monitoring.images import CLARIFY_ACCOUNTS, MODEL_MONITOR_ACCOUNTS


@pytest.mark.parametrize(
    ("file", "accounts"), [("model-monitor.json", MODEL_MONITOR_ACCOUNTS), ("clarify.json", CLARIFY_ACCOUNTS)]
)
def test_the_accounts_are_those_of_the_sdk(file: str, accounts: dict[str, str]) -> None:
    sdk = find_spec("sagemaker")
    if sdk is None or not sdk.submodule_search_locations:
        pytest.skip("`make setup-test` installs the SageMaker SDK")
    document = json.loads((Path(sdk.submodule_search_locations[0]) / "core/image_uri_config" / file).read_text())
    versions = document.get("processing", document)["versions"].values()
    assert [version["registries"] for version in versions] == [accounts]
