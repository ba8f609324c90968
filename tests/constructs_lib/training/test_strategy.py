"""A strategy picked in an environment: its image, its types, its world; and what is refused."""

from __future__ import annotations

import dataclasses

import pytest

from constructs_lib.training import (
    DeepLearningImage,
    DirectCheckpoint,
    EcrImage,
    HeterogeneousResources,
    InstanceGroup,
    InstancePreference,
    JobResources,
    PreferredResources,
    TrainingResources,
)
from constructs_lib.training.strategy import bind
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError
from ml_contract.images import PYTORCH_TRAINING, PYTORCH_TRAINING_CPU, SMDDP, SMP, Image
from ml_contract.training.aws_strategies import Horovod, Mpi, SageMakerDataParallel, SageMakerModelParallel
from ml_contract.training.layout import Layout
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp, ModelParallel, ParallelStrategy
from ml_contract.training.surroundings import Checkpointing, MemoryTier
from ml_contract.workloads import BytesLm
from ml_contract.workloads.llama import LLAMA_TINY

from .conftest import World, grants, refused, request_of, warnings


def run(strategy: ParallelStrategy, **fields: object) -> TrainingRun:
    given = {"workload": BytesLm(), "optimizer": AdamW(learning_rate=0.1), "global_batch_size": 64, "steps": 10}
    return TrainingRun(**{**given, "strategy": strategy, **fields})


def hosts(instance_type: str, count: int = 2) -> TrainingResources:
    return TrainingResources(instance_type=instance_type, instance_count=count, volume_gib=10, efa=False)


def aws(image: Image) -> DeepLearningImage:
    return DeepLearningImage(image=image)


MINE = EcrImage(repository="trainyard-training", tag="1")


@pytest.mark.parametrize(
    ("strategy", "instance_type", "image"),
    [
        (Ddp(), "ml.g5.xlarge", PYTORCH_TRAINING),
        (Fsdp(), "ml.c5.4xlarge", PYTORCH_TRAINING_CPU),
        (SageMakerModelParallel(), "ml.p4d.24xlarge", SMP),
        (SageMakerDataParallel(), "ml.p4de.24xlarge", SMDDP),
    ],
)
def test_a_strategy_has_an_image(strategy: ParallelStrategy, instance_type: str, image: Image) -> None:
    assert bind(run(strategy), hosts(instance_type), None).image == aws(image)


def test_a_step_without_an_image_takes_the_strategys_and_may_pull_it(world: World) -> None:
    step = world.train(hyperparameters=run(SageMakerModelParallel()), resources=hosts("ml.p4d.24xlarge"), image=None)
    image = request_of(world, step)["AlgorithmSpecification"]["TrainingImage"]
    assert image == "658645717510.dkr.ecr.eu-west-1.amazonaws.com/smdistributed-modelparallel:2.5.1-gpu-py311-cu124"
    pulls = [row["Resource"] for row in grants(world, step) if "ecr:BatchGetImage" in row["Action"]]
    assert ":ecr:eu-west-1:658645717510:repository/smdistributed-modelparallel" in str(pulls)


def test_a_program_of_your_own_needs_an_image(world: World) -> None:
    with refused(r"^TrainingStep.image: got None, but only a TrainingRun has an image of its own"):
        world.train(image=None)


def test_an_image_of_your_own_lies_in_the_stacks_account_unless_told(world: World) -> None:
    image = request_of(world, world.train(image=MINE))["AlgorithmSpecification"]["TrainingImage"]
    assert image == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/trainyard-training:1"


def test_a_region_without_the_image_is_refused() -> None:
    import aws_cdk as cdk

    stack = cdk.Stack(cdk.App(), "S", env=cdk.Environment(account="123456789012", region="af-south-1"))
    with pytest.raises(ContractError, match=r"^region: got 'af-south-1', .* It holds ap-northeast-1"):
        aws(SMP).uri(stack)


def test_the_image_of_smp_holds_what_its_degrees_import() -> None:
    llama = run(SageMakerModelParallel(tensor=2), workload=LLAMA_TINY)
    (note,) = bind(llama, hosts("ml.p4d.24xlarge"), None).notes
    assert "not known to hold safetensors, torchdata, which" in note


REFUSED = {
    "smp without GPUs": (SageMakerModelParallel(), "ml.c5.4xlarge", None,
                         r"^resources: got 'ml.c5.4xlarge', but the strategy smp needs GPUs. .* or Fsdp\(\)"),
    "smddp on a new type": (SageMakerDataParallel(), "ml.p5.48xlarge", None,
                            r"^resources: got 'ml.p5.48xlarge', but the strategy smddp runs on ml.p3.*Ddp\(\)"),
    "mpi without an image": (Mpi(), "ml.g5.xlarge", None,
                             r"^image: got None, but the strategy mpi runs in .*images/mpi/Dockerfile.*mpirun"),
    "horovod in the container": (Horovod(), "ml.g5.xlarge", aws(PYTORCH_TRAINING), r"^image: .*of your own, with Open"),
    "horovod in an image without it": (Horovod(), "ml.g5.xlarge", MINE,
                                       r"^image.modules: got \[\], but the strategy horovod imports horovod.torch"),
    "smp in the container": (SageMakerModelParallel(), "ml.p4d.24xlarge", aws(PYTORCH_TRAINING),
                             r"^image: got 'pytorch:2.13.*imports torch.sagemaker, which it lacks. Leave image out"),
    "smddp in the image of smp": (SageMakerDataParallel(), "ml.p4d.24xlarge", aws(SMP),
                                  r"^image: .*smdistributed.dataparallel.* or take smdistributed-modelparallel:2.4.1"),
    "ddp in the image of smp": (Ddp(), "ml.p4d.24xlarge", aws(SMP), r"^image: .*for SageMaker's libraries.*ddp does"),
    "the CPU's image on GPUs": (Ddp(), "ml.g5.xlarge", aws(PYTORCH_TRAINING_CPU), r"^image: .*it knows no GPU"),
    "trainium": (Ddp(), "ml.trn1.32xlarge", None, r"^resources: got 'ml.trn1.32xlarge', .*run no CUDA"),
    "a degree": (ModelParallel(tensor=3, data=Fsdp()), "ml.g5.12xlarge", None, r"^hyperparameters\.\w*tensor: got 3"),
    "a format": (Ddp(), "ml.p4d.24xlarge", None, r"^hyperparameters.precision.compute: got 'float8', .*multiply no"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_combination_is_refused_with_the_way_out(name: str) -> None:
    strategy, instance_type, image, message = REFUSED[name]
    fields = {"precision": Precision(compute="float8")} if name == "a format" else {}
    with pytest.raises(ContractError, match=message):
        bind(run(strategy, **fields), hosts(instance_type), image)


def test_a_batch_that_the_ranks_do_not_divide_names_the_step(world: World) -> None:
    with refused(r"^TrainingStep.hyperparameters.global_batch_size: got 10, but .* \(8\)"):
        world.train(hyperparameters=run(Ddp(), global_batch_size=10), resources=hosts("ml.g5.12xlarge"))


def test_a_model_that_does_not_fit_names_the_smallest_that_would_do() -> None:
    large = BytesLm(dimension=2048, layers=24, heads=16)
    with pytest.raises(ContractError, match=r"^resources: got '2 x ml.g5.xlarge'.*The smallest that would do"):
        bind(run(Ddp(), workload=large), hosts("ml.g5.xlarge"), None)


def test_horovod_runs_in_an_image_that_says_it_has_it() -> None:
    image = EcrImage(repository="mine", tag="1", modules=frozenset({"horovod.torch"}))
    assert bind(run(Horovod()), hosts("ml.g5.xlarge"), image).image == image


def test_every_preference_is_held_against_the_run() -> None:
    def preferred(second: str) -> JobResources:
        found = tuple(InstancePreference(instance_type=name) for name in ("ml.g5.12xlarge", second))
        return PreferredResources(preferences=found, instance_count=2, volume_gib=10, efa=False)

    bound = bind(run(Fsdp()), preferred("ml.g5.48xlarge"), None)
    assert bound.layouts == (Layout(shard=8), Layout(shard=16))
    with pytest.raises(ContractError, match=r"^hyperparameters"):
        bind(run(Fsdp(), global_batch_size=24), preferred("ml.g5.48xlarge"), None)


def test_groups_alike_are_one_world() -> None:
    groups = tuple(InstanceGroup(name=name, instance_type=name, instance_count=1) for name in ("ml-a", "ml-b"))
    alike = tuple(group.model_copy(update={"instance_type": "ml.g5.12xlarge"}) for group in groups)
    resources = HeterogeneousResources(instance_groups=alike, volume_gib=10, efa=False)
    assert bind(run(Fsdp()), resources, None).layouts == (Layout(shard=8),)


def test_what_the_container_may_lack_is_a_warning(world: World) -> None:
    step = world.train(hyperparameters=run(DeepSpeed(stage=2)), image=aws(PYTORCH_TRAINING_CPU))
    (found,) = [text for text in warnings(world, step) if "deepspeed" in text]
    assert "Build images/training/Dockerfile and take EcrImage" in found
    assert warnings(world, world.train(hyperparameters=run(Fsdp()), image=MINE)) == []


def test_a_promise_that_cannot_be_kept_is_a_warning(world: World) -> None:
    late = run(Fsdp(), checkpointing=Checkpointing(every_seconds=900))
    kept = DirectCheckpoint(location=world.data)
    found = warnings(world, world.train(hyperparameters=late, image=MINE, checkpoint=kept))
    assert any("checkpointing.every_seconds: got 900" in text and "600 are promised" in text for text in found)
    in_time = dataclasses.replace(late, checkpointing=Checkpointing(every_seconds=420))
    assert warnings(world, world.train(hyperparameters=in_time, image=MINE, checkpoint=kept)) == []


def test_memory_that_ends_with_the_job_keeps_no_checkpoints(world: World) -> None:
    tiers = run(Fsdp(), checkpointing=Checkpointing(memory=MemoryTier(every_steps=10)))
    with refused("checkpointing.memory: got 'MemoryTier', but the instances of a training job are gone with it"):
        world.train(hyperparameters=tiers, image=MINE)


def test_mixed_storage_is_a_warning(world: World) -> None:
    groups = (
        InstanceGroup(name="cpu", instance_type="ml.c5.xlarge", instance_count=1),
        InstanceGroup(name="gpu", instance_type="ml.g5.xlarge", instance_count=1),
    )
    resources = HeterogeneousResources(instance_groups=groups, volume_gib=10, efa=False)
    assert any("no volume key can be named" in text for text in warnings(world, world.train(resources=resources)))


@pytest.mark.parametrize(
    ("field", "value"), [("repository", "Upper"), ("tag", ""), ("account", "12"), ("region", "mars"), ("tag", "a b")]
)
def test_an_image_of_your_own_has_an_address(field: str, value: str) -> None:
    with pytest.raises(InvalidValue, match=rf"^EcrImage.{field}"):
        EcrImage(**{"repository": "mine", "tag": "1", field: value})
