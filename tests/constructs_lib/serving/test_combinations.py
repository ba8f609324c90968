"""What does not go together on one endpoint is refused when it is built, in one line."""

from collections.abc import Callable
from typing import Any

import pytest
import serving_scenes as scenes
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving import DataCapture
from constructs_lib.serving.combinations import Plan, check
from constructs_lib.serving.components import ModelComponent
from constructs_lib.serving.models import SerialPipeline, Stage, Vllm
from constructs_lib.serving.scaling import InvocationsPerInstance, Scaling
from constructs_lib.serving.variants import Serverless
from ml_contract.errors import ContractError
from ml_contract.multi_model import allowed

world = scenes.light()
SCALING = Scaling(minimum=1, maximum=2, rules=(InvocationsPerInstance(per_minute=60),))


def serverless(**fields: Any) -> Serverless:
    return Serverless(**{"model": world.triton(), "memory_mb": 4096, "max_concurrency": 5, **fields})


def shadow(**fields: Any) -> Any:
    return world.live(**{"name": "challenger", "weight": 0.5, **fields})


def row(mode: str = "Serial") -> Any:
    stages = (Stage(name="a", model=world.triton()), Stage(name="b", model=world.triton()))
    return world.live(model=SerialPipeline(stages=stages, mode=mode))


def many() -> Any:
    return world.live(model=world.many())


def host() -> Any:
    return world.host(ModelComponent(name="words", model=world.triton(), share=scenes.share()))


def capture() -> DataCapture:
    return DataCapture(location=world.place("captured"), percentage=10)


REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "no variant": (lambda: world.refused(), "variants: got 0, but an endpoint has 1 to 10 variants"),
    "eleven variants": (
        lambda: world.refused(*(world.live(name=f"v{number}") for number in range(11))),
        "variants: got 11, but an endpoint has 1 to 10 variants",
    ),
    "two variants of one name": (
        lambda: world.refused(world.live(), world.live()),
        "variants: got ['live', 'live'], but each variant has its own name",
    ),
    "no weight": (lambda: world.refused(world.live(weight=0)), "variants.weight: got [0.0], but nobody would answer"),
    "a name that is none": (lambda: world.refused(world.live(), name="a_b"), "name: got 'a_b', but it must match"),
    "serverless in a network": (
        lambda: world.refused(serverless(), network=world.network),
        "network: got 'a network', but serverless containers run in no network of yours. Leave network out.",
    ),
    "serverless with capture": (
        lambda: world.refused(serverless(), capture=capture()),
        "capture: got 'DataCapture', but a serverless endpoint keeps no data",
    ),
    "serverless beside another": (
        lambda: world.refused(serverless(), world.live(name="b")),
        "variants: got 2, but a serverless endpoint has one variant",
    ),
    "serverless with a shadow": (
        lambda: world.refused(serverless(), shadow=(shadow(),)),
        "shadow: got 1, but a serverless endpoint has no shadow",
    ),
    "a serverless shadow": (
        lambda: world.refused(world.live(), shadow=(serverless(name="b", weight=0.5),)),
        "shadow: got 1, but a serverless endpoint has no shadow",
    ),
    "serverless behind a queue": (
        lambda: world.refused(serverless(), asynchronous=world.queue()),
        "asynchronous: got 'Asynchronous', but a serverless endpoint has no queue",
    ),
    "variants behind a queue": (
        lambda: world.refused(world.live(), world.live(name="b"), asynchronous=world.queue()),
        "variants: got ['live', 'b'], but a request from the queue names no variant",
    ),
    "many models behind a queue": (
        lambda: world.refused(many(), asynchronous=world.queue()),
        "variants: got 'MultiModel', but a request from the queue names no model",
    ),
    "one container of several behind a queue": (
        lambda: world.refused(row("Direct"), asynchronous=world.queue()),
        "variants: got 'Direct', but a request from the queue names no container",
    ),
    "components behind a queue": (
        lambda: world.refused(host(), asynchronous=world.queue()),
        "variants: got 'ComponentHost', but a request from the queue names no component",
    ),
    "a shadow behind a queue": (
        lambda: world.refused(world.live(), shadow=(shadow(),), asynchronous=world.queue()),
        "shadow: got 'challenger', but requests of an asynchronous endpoint are not copied",
    ),
    "a shadow of many models": (
        lambda: world.refused(many(), shadow=(shadow(),)),
        "shadow: got 'MultiModel', but neither it nor what it copies has several models or containers",
    ),
    "a shadow of a row": (
        lambda: world.refused(world.live(), shadow=(row().model_copy(update={"name": "b", "weight": 0.5}),)),
        "shadow: got 'SerialPipeline', but neither it nor what it copies has several models or containers",
    ),
    "two shadows": (
        lambda: world.refused(world.live(), shadow=(shadow(), shadow(name="other"))),
        "shadow: got ['live', 'challenger', 'other'], but there is one variant and one shadow of it",
    ),
    "a shadow of two variants": (
        lambda: world.refused(world.live(), world.live(name="b"), shadow=(shadow(),)),
        "shadow: got ['live', 'b', 'challenger'], but there is one variant and one shadow of it",
    ),
    "a shadow that scales": (
        lambda: world.refused(world.live(), shadow=(shadow(scaling=SCALING),)),
        "shadow.scaling: got 'challenger', but a shadow follows the variant that it copies",
    ),
    "a rule of another kind": (
        lambda: world.refused(world.live(scaling=SCALING), asynchronous=world.queue()),
        "scaling.rules.InvocationsPerInstance: got 'asynchronous', but",
    ),
    "components beside a variant": (
        lambda: world.refused(host(), world.live(name="b")),
        "variants: got ['live', 'b'], but role and network of inference components are the endpoint's",
    ),
    "many models beside a variant": (
        lambda: world.refused(many(), world.live(name="b")),
        "variants: got ['live', 'b'], but a multi-model endpoint has one variant",
    ),
    "a hub that a closed network hides": (
        lambda: world.refused(
            world.live(
                model=world.lmi(engine=Vllm(tensor_parallel=1), data=None, model_id="a/b"),
                resources=scenes.instances("ml.g5.xlarge"),
            ),
            network=world.network,
        ),
        "model_id: got 'a/b', but the network is closed, and the container reaches no hub from it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    build, message = REFUSED[name]
    said = build()
    assert said.startswith(message)
    assert "\n" not in said


@given(copied=st.floats(min_value=0, max_value=4), weight=st.floats(min_value=0.125, max_value=2))
def test_a_shadow_gets_some_of_the_requests_and_at_most_all(copied: float, weight: float) -> None:
    plan = Plan(variants=(world.live(weight=weight),), shadow=(shadow(weight=copied),))
    if 0 < copied <= weight:
        check(plan)
    else:
        with pytest.raises(ContractError, match=r"shadow\.weight"):
            check(plan)


def test_a_caller_names_a_model_only_where_there_are_many() -> None:
    made = world.make("Single", world.live())
    role = scenes.iam.Role(world.stack, "Caller", assumed_by=scenes.iam.AccountRootPrincipal())
    with pytest.raises(
        ContractError, match=r"target_models: got \['a'\], but a request to this endpoint names no model"
    ):
        made.grant_invoke(role, ("a",))


@pytest.mark.parametrize("pattern", ["team-*", "*.tar.gz", "../other", "team//x"])
def test_a_caller_is_given_models_or_a_folder_and_nothing_wider(pattern: str) -> None:
    with pytest.raises(ContractError, match="model: got"):
        allowed(pattern)
