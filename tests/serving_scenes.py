"""An endpoint of each kind in one stack, synthesised once, and its parts by the scene's name."""

import functools
import itertools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.network import Network, NetworkSettings, know_availability_zones
from constructs_lib.serving import Asynchronous, DataCapture, Endpoint, ResultTopics, ServingResources, Utilization
from constructs_lib.serving.components import AdapterComponent, ModelComponent, Share
from constructs_lib.serving.models import (
    Archive,
    LmiModel,
    MultiModel,
    NgramSpeculation,
    RegisteredModel,
    SerialPipeline,
    Stage,
    TensorRtLlm,
    TritonModel,
    TritonServer,
    Uncompressed,
    Vllm,
)
from constructs_lib.serving.rollout import Canary, Percent, RollbackAlarms, Rolling, ServerErrors
from constructs_lib.serving.scaling import (
    Backlog,
    ConcurrentRequests,
    InvocationsPerInstance,
    Scaling,
    WakeFromZero,
)
from constructs_lib.serving.variants import ComponentHost, ManagedScaling, RealTime, Serverless
from constructs_lib.storage import Storage, StorageSettings
from constructs_lib.training import DeepLearningImage, Location
from ml_contract.errors import ContractError
from ml_contract.images import TRITON

IMAGE = DeepLearningImage(image=TRITON)
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/words/3"
_FOLDER = tempfile.TemporaryDirectory(prefix="trainyard-scenes-")  # removed when the tests end


class World:
    """A stack with everything that an endpoint needs."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.numbers = itertools.count()

    @functools.cached_property
    def app(self) -> cdk.App:
        return cdk.App(outdir=_FOLDER.name)

    @functools.cached_property
    def stack(self) -> cdk.Stack:
        stack = cdk.Stack(self.app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))
        know_availability_zones(stack, ("eu-west-1a",))
        return stack

    @functools.cached_property
    def network(self) -> Network:
        settings = NetworkSettings(
            cidr="10.0.0.0/24", availability_zones=("eu-west-1a",), nodes=2, efa=False, log_days=1
        )
        return Network(self.stack, "Network", removal=cdk.RemovalPolicy.DESTROY, settings=settings)

    @functools.cached_property
    def storage(self) -> Storage:
        settings = StorageSettings(checkpoint_days=1, replaced_days=1, access_log_days=1)
        return Storage(self.stack, "Storage", removal=cdk.RemovalPolicy.DESTROY, settings=settings)

    def refused(self, *variants: Any, **fields: Any) -> str:
        """Why an endpoint cannot be built."""
        with pytest.raises(ContractError) as caught:
            self.make(f"Refused{next(self.numbers)}", *variants, **fields)
        return str(caught.value)

    def place(self, prefix: str) -> Location:
        return Location(bucket=self.storage.artifacts, prefix=prefix)

    def archive(self, name: str = "model") -> Archive:
        return Archive(location=self.place(f"models/{name}"), file="model.tar.gz")

    def triton(self, **fields: Any) -> TritonModel:
        return TritonModel(**{"image": IMAGE, "data": self.archive(), "default_model": "words", **fields})

    def lmi(self, **fields: Any) -> LmiModel:
        given = {"engine": Vllm(tensor_parallel=8), "data": Uncompressed(location=self.place("models/llama")), **fields}
        return LmiModel(**given)

    def many(self, **fields: Any) -> MultiModel:
        return MultiModel(**{"image": IMAGE, "models": self.place("many"), **fields})

    def live(self, **fields: Any) -> RealTime:
        return RealTime(**{"model": self.triton(), "resources": instances(), **fields})

    def host(self, *components: Any, **fields: Any) -> ComponentHost:
        return ComponentHost(**{"components": components, "resources": instances("ml.g5.12xlarge"), **fields})

    def queue(self, **fields: Any) -> Asynchronous:
        return Asynchronous(**{"inputs": self.place("asked"), "outputs": self.place("answered"), **fields})

    def make(self, scene: str, *variants: Any, **fields: Any) -> Endpoint:
        """An endpoint named like its scene, in small letters."""
        scope = Construct(self.stack, scene)
        key = self.storage.key
        return Endpoint(scope, "Endpoint", **{"name": scene.lower(), "variants": variants, "key": key, **fields})


def instances(instance_type: str = "ml.c5.xlarge", **fields: Any) -> ServingResources:
    return ServingResources(**{"instance_type": instance_type, "instance_count": 1, "start_seconds": 600, **fields})


def share(**fields: Any) -> Share:
    return Share(**{"accelerators": 1, "memory_mb": 4096, **fields})


def alarms() -> RollbackAlarms:
    return RollbackAlarms(watches=(ServerErrors(count=5),))


def _registered(world: World) -> Endpoint:
    parameter = cdk.CfnParameter(world.stack, "Package", type="String", default="")
    given = cdk.CfnCondition(
        world.stack, "Given", expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(parameter.value_as_string, ""))
    )
    model = RegisteredModel(package=parameter.value_as_string, image=IMAGE, archives=world.place("packages"))
    return world.make("Registered", world.live(model=model), network=world.network, condition=given)


def _triton(world: World) -> Endpoint:
    model = world.triton(
        server=TritonServer(shared_memory_bytes=2**26, threads=4, metrics=True), network_isolation=True
    )
    variant = world.live(
        model=model,
        resources=instances("ml.g5.xlarge"),
        routing="LEAST_OUTSTANDING_REQUESTS",
        scaling=Scaling(minimum=1, maximum=4, rules=(InvocationsPerInstance(per_minute=600),)),
    )
    capture = DataCapture(location=world.place("captured"), percentage=20, csv_types=("text/csv",))
    rollout = Canary(alarms=alarms(), size=Percent(percent=10), bake_seconds=600)
    return world.make(
        "Triton", variant, network=world.network, capture=capture, rollout=rollout,
        utilization=Utilization(seconds=10, each_instance=True),
    )  # fmt: skip


def _many(world: World) -> Endpoint:
    model = world.many()
    made = world.make("Many", world.live(model=model, resources=instances("ml.g5.2xlarge")))
    model.grant_upload(iam.Role(world.stack, "Uploader", assumed_by=iam.AccountRootPrincipal()), "team-a")
    team = iam.Role(world.stack, "Team", assumed_by=iam.AccountRootPrincipal())
    made.grant_invoke(team, ("bert-7", "team-a/*"))
    return made


def _llama(world: World) -> Endpoint:
    engine = Vllm(
        tensor_parallel=8, max_model_len=8192, max_rolling_batch_size=64, speculation=NgramSpeculation(tokens=4),
        options={"enable_prefix_caching": True},
    )  # fmt: skip
    variant = world.live(model=world.lmi(engine=engine, network_isolation=True), resources=instances("ml.p4d.24xlarge"))
    return world.make("Llama", variant, network=world.network)


def _engine(world: World) -> Endpoint:
    engine = TensorRtLlm(tensor_parallel=1, quantize="fp8", max_input_len=2048, max_seq_len=4096)
    model = world.lmi(engine=engine, data=None, model_id="meta-llama/Llama-3.1-8B")
    return world.make("Engine", world.live(model=model, resources=instances("ml.g6.xlarge")))


def _row(world: World) -> Endpoint:
    stages = (Stage(name="before", model=world.triton()), Stage(name="after", model=world.triton()))
    return world.make("Row", world.live(model=SerialPipeline(stages=stages)))


def _apart(world: World) -> Endpoint:
    stages = (Stage(name="words", model=world.triton()), Stage(name="pictures", model=world.triton()))
    made = world.make("Apart", world.live(model=SerialPipeline(stages=stages, mode="Direct")))
    made.grant_invoke(iam.Role(world.stack, "Painter", assumed_by=iam.AccountRootPrincipal()), ("pictures",))
    return made


def _small(world: World) -> Endpoint:
    variant = Serverless(model=world.triton(), memory_mb=4096, max_concurrency=20, provisioned_concurrency=2)
    return world.make("Small", variant)


def _queue(world: World) -> Endpoint:
    topics = ResultTopics(world.stack, "Topics", key=world.storage.key)
    scaling = Scaling(minimum=0, maximum=3, rules=(Backlog(per_instance=5), WakeFromZero()))
    made = world.make(
        "Queue",
        world.live(scaling=scaling),
        network=world.network,
        asynchronous=world.queue(
            failures=world.place("failed"), succeeded=topics.succeeded, failed=topics.failed, concurrent_invocations=4,
            include_response=("SUCCESS_NOTIFICATION_TOPIC",),
        ),
    )  # fmt: skip
    made.grant_invoke(iam.Role(world.stack, "Asker", assumed_by=iam.AccountRootPrincipal()))
    return made


def _parts(world: World) -> Endpoint:
    rules = (ConcurrentRequests(at_once=4), WakeFromZero())
    words = ModelComponent(
        name="words", model=world.triton(), share=share(maximum_memory_mb=8192), placement="BINPACK",
        scaling=Scaling(minimum=0, maximum=4, rules=rules), rollout=Rolling(alarms=alarms(), batch=Percent(percent=50),
                                                                           bake_seconds=300),
        copies=2,
    )  # fmt: skip
    llama = ModelComponent(name="llama", model=world.lmi(engine=Vllm(tensor_parallel=2)), share=share(accelerators=2))
    legal = AdapterComponent(name="legal", base="llama", data=world.archive("legal"))
    managed = ManagedScaling(minimum=0, maximum=2)
    return world.make("Parts", world.host(words, llama, legal, managed=managed), network=world.network)


def _pools(world: World) -> Endpoint:
    words = ModelComponent(
        name="spare", model=world.triton(), share=share(), shares={"ml.g6e.xlarge": share(cores=4, memory_mb=8192)}
    )
    resources = instances("ml.g5.xlarge", fallbacks=("ml.g6.xlarge", "ml.g6e.xlarge"))
    return world.make("Pools", world.host(words, resources=resources))


def _shadowed(world: World) -> Endpoint:
    shadow = world.live(name="challenger", weight=0.25)
    return world.make("Shadowed", world.live(), shadow=(shadow,), network=world.network)


def _split(world: World) -> Endpoint:
    return world.make("Split", world.live(name="a", weight=9), world.live(name="b"), network=world.network)


SCENES: tuple[Callable[[World], Endpoint], ...] = (
    _registered, _triton, _many, _llama, _engine, _row, _apart, _small, _queue, _parts, _pools, _shadowed, _split,
)  # fmt: skip


@functools.cache
def light() -> World:
    """A stack for what is refused, never written."""
    return World()


@functools.cache
def world() -> World:
    """The stack with all scenes, not yet written."""
    made = World()
    for scene in SCENES:
        endpoint = scene(made)
        made.endpoints[endpoint.name] = endpoint
    return made


@functools.cache
def path() -> Path:
    """The template of all scenes."""
    world().app.synth()
    return Path(_FOLDER.name) / "S.template.json"


@functools.cache
def template() -> dict[str, Any]:
    return json.loads(path().read_text())


def parts(scene: str, kind: str) -> dict[str, dict[str, Any]]:
    """Resources of a type in a scene, by logical id."""
    found = template()["Resources"].items()
    return {name: entry for name, entry in found if name.startswith(f"{scene}Endpoint") and entry["Type"] == kind}


def part(scene: str, kind: str) -> dict[str, Any]:
    """Properties of the one resource of a type in a scene."""
    ((_, found),) = parts(scene, kind).items()
    return found["Properties"]


def policy(name: str) -> list[dict[str, Any]]:
    """Statements of the policy whose logical id starts with ``name``."""
    (found,) = (
        entry for key, entry in template()["Resources"].items()
        if key.startswith(name) and entry["Type"] == "AWS::IAM::Policy"
    )  # fmt: skip
    return found["Properties"]["PolicyDocument"]["Statement"]
