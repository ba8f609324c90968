"""Variants that get copies of requests."""

from __future__ import annotations

import time

import pytest

from ..conftest import Maker
from .conftest import Figures, answered, body

pytestmark = pytest.mark.slow


def test_a_shadow_gets_copies_and_neither_slows_nor_fails_an_answer(make: Maker, figures: Figures) -> None:
    shadow = {
        "VariantName": "shadow",
        "ModelName": make.model("add 100"),
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 0.5,
    }
    name = make.endpoint(make.config(make.model("add 1"), ShadowProductionVariants=[shadow]))
    described = make.sagemaker.describe_endpoint(EndpointName=name)
    assert described["ShadowProductionVariants"][0]["CurrentInstanceCount"] == 1
    answers = [answered(make.invoke(name, body(number)))["data"] for number in range(60)]
    assert answers == [[number + 1] for number in range(60)]
    # Figures come in batches: the first may hold a part of the copies.
    deadline, copies = time.monotonic() + 60, 0.0
    while copies <= 10 and time.monotonic() < deadline:
        copies = figures(name, "Invocations", VariantName="shadow")["Invocations"]
    assert 10 < copies < 50


def test_a_shadow_that_dies_of_every_copy_is_no_trouble_of_the_endpoint(make: Maker) -> None:
    shadow = {
        "VariantName": "shadow",
        "ModelName": make.model("add 100", DIES="1"),
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": 1,
    }
    name = make.endpoint(make.config(make.model("add 1"), ShadowProductionVariants=[shadow]))
    for number in range(30):
        assert answered(make.invoke(name, body(number)))["data"] == [number + 1]
        assert make.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
        time.sleep(0.05)
