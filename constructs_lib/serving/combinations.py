"""What does not go together on one endpoint.

Sources, read 2026-11-21: CreateEndpointConfig (ProductionVariants, ShadowProductionVariants) and ContainerDefinition,
SageMaker API reference; InvokeEndpointAsync, which names neither a variant nor a model, a container or a component,
SageMaker Runtime API reference; "Deploy models with Amazon SageMaker Serverless Inference", Feature exclusions, and
"Create a shadow test", SageMaker AI Developer Guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from constructs_lib.network import Network
from constructs_lib.serving.asynchronous import Asynchronous
from constructs_lib.serving.capture import DataCapture
from constructs_lib.serving.models.pipeline import SerialPipeline
from constructs_lib.serving.variants.base import Variant
from ml_contract.errors import reject

MOST_VARIANTS = 10


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an endpoint is asked to be."""

    variants: Sequence[Variant]
    shadow: Sequence[Variant] = field(default=())
    network: Network | None = None
    capture: DataCapture | None = None
    asynchronous: Asynchronous | None = None

    @property
    def all(self) -> Iterator[Variant]:
        yield from self.variants
        yield from self.shadow


def check(plan: Plan) -> None:
    """Refuse what SageMaker would refuse, or would do otherwise than asked.

    Raises:
        ContractError: With the field and the way out.
    """
    _check_variants(plan)
    if any(variant.serverless for variant in plan.all):
        _check_serverless(plan)
    if any(variant.hosts_components for variant in plan.all):
        _check_components(plan)
    if plan.asynchronous is not None:
        _check_asynchronous(plan)
    if plan.shadow:
        _check_shadow(plan)


def _check_variants(plan: Plan) -> None:
    names = [variant.name for variant in plan.all]
    if not plan.variants or len(names) > MOST_VARIANTS:
        reject("variants", len(names), f"an endpoint has 1 to {MOST_VARIANTS} variants", "Give that many.")
    if len(set(names)) < len(names):
        reject("variants", names, "each variant has its own name", 'Rename one of them: name="challenger".')
    if sum(variant.weight for variant in plan.variants) <= 0:
        reject("variants.weight", [variant.weight for variant in plan.variants], "nobody would answer",
               "Give one of them a weight above 0.")  # fmt: skip
    several = [variant for variant in plan.variants if variant.served is not None and variant.served.multi_model]
    if several and len(plan.variants) > 1:
        reject("variants", [variant.name for variant in plan.variants],
               "a multi-model endpoint has one variant: each would load models for itself",
               "Make an endpoint of each.")  # fmt: skip


def _check_serverless(plan: Plan) -> None:
    for wrong, name, value, rule, way_out in (
        (len(plan.variants) > 1, "variants", len(plan.variants), "a serverless endpoint has one variant",
         "Make an endpoint of each."),
        (bool(plan.shadow), "shadow", len(plan.shadow), "a serverless endpoint has no shadow", "Take RealTime."),
        (plan.network is not None, "network", "a network", "serverless containers run in no network of yours",
         "Leave network out."),
        (plan.capture is not None, "capture", "DataCapture", "a serverless endpoint keeps no data",
         "Leave capture out, or take RealTime."),
        (plan.asynchronous is not None, "asynchronous", "Asynchronous", "a serverless endpoint has no queue",
         "Take RealTime, whose instances may scale to zero behind a queue."),
    ):  # fmt: skip
        if wrong:
            reject(name, value, rule, way_out)


def _check_components(plan: Plan) -> None:
    if len(list(plan.all)) > 1:
        reject("variants", [variant.name for variant in plan.all],
               "role and network of inference components are the endpoint's, so a ComponentHost is alone",
               "Make an endpoint of each.")  # fmt: skip


def _check_asynchronous(plan: Plan) -> None:
    (first, *others) = plan.variants
    served = first.served
    direct = isinstance(served, SerialPipeline) and served.mode == "Direct"
    for wrong, value, rule, way_out in (
        (bool(others), [variant.name for variant in plan.variants], "a request from the queue names no variant",
         "Give one variant."),
        (first.hosts_components, type(first).__name__, "a request from the queue names no component", "Take RealTime."),
        (served is not None and served.multi_model, type(served).__name__, "a request from the queue names no model",
         "Make an endpoint of each model, or leave asynchronous out."),
        (direct, "Direct", "a request from the queue names no container", 'Take mode="Serial".'),
    ):  # fmt: skip
        if wrong:
            reject("variants", value, f"{rule}, and the endpoint is asynchronous", way_out)


def _check_shadow(plan: Plan) -> None:
    if len(plan.shadow) > 1 or len(plan.variants) > 1:
        reject("shadow", [variant.name for variant in plan.all], "there is one variant and one shadow of it",
               "Give one of each.")  # fmt: skip
    if plan.asynchronous is not None:
        reject("shadow", plan.shadow[0].name, "requests of an asynchronous endpoint are not copied",
               "Leave shadow or asynchronous out.")  # fmt: skip
    if not 0 < plan.shadow[0].weight <= plan.variants[0].weight:
        reject("shadow.weight", plan.shadow[0].weight,
               f"it is the copied share of the variant's {plan.variants[0].weight:g}: above 0, and at most all",
               "Give the variant 1 and the shadow 0.25 to copy a quarter.")  # fmt: skip
    if plan.shadow[0].scaling is not None:
        reject("shadow.scaling", plan.shadow[0].name, "a shadow follows the variant that it copies, whose load it has",
               "Give the variant scaling, and the shadow enough instances.")  # fmt: skip
    for variant in plan.all:
        served = variant.served
        if served is not None and (served.multi_model or served.several_containers):
            reject("shadow", type(served).__name__, "neither it nor what it copies has several models or containers",
                   "Take a model of one container.")  # fmt: skip
