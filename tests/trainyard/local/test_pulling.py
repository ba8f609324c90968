"""Images that cannot be pulled: what jobs, models and endpoints say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.faults import Faults
from trainyard.local.hosting.plan import ContainerPlan, VariantPlan
from trainyard.local.hosting.variant import Variant
from trainyard.local.pulling import Gap, check_job, check_model

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/r"


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        ("repository", "Cannot find repository: a in registry ID: 123456789012 Please check"),
        ("image", f"Cannot find the requested image: {HOST}/a:1 with tag: 1 and digest: null. Please check"),
    ],
)
def test_a_job_is_told_what_is_missing(gap: Gap, text: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_job(lambda _: gap, f"{HOST}/a:1", ROLE)
    assert text in caught.value.message
    assert ROLE in caught.value.message


def test_a_model_of_what_is_there_is_made() -> None:
    check_model(lambda _: None, f"{HOST}/a:1")
    with pytest.raises(ServiceError, match=f"Requested image {HOST}/a:1 not found"):
        check_model(lambda _: "image", f"{HOST}/a:1")


def test_no_instance_starts_from_an_image_that_is_gone(tmp_path: Path) -> None:
    container = ContainerPlan(hostname="primary", image=f"{HOST}/a:1", data_url=None, variables={})
    plan = VariantPlan(
        name="live", model="m", containers=[container], direct=False, role="r", isolated=False, instance_type="t",
        count=1, weight=1.0, routing="RANDOM", start_seconds=1.0, download_seconds=1.0,
    )  # fmt: skip
    context: Any = SimpleNamespace(faults=Faults(), minute_seconds=60.0, missing=lambda _: "image")
    variant: Any = Variant(context, "e", plan, tmp_path, lambda: None, "group")
    variant._opening = object()
    with pytest.raises(ServiceError, match="for the production variant live exist"):
        variant.grow(1)
