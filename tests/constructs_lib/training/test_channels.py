"""Channels: what the request says of each, what they need, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.training import EXECUTION_ID, HeterogeneousResources, InstanceGroup
from constructs_lib.training.channels import Channel, FileSystem, FileSystemChannel, StreamChannel
from constructs_lib.training.streaming import streamed
from constructs_lib.values import InvalidValue
from ml_contract.hyperparameters import decode, encode
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.surroundings import Loading
from ml_contract.workloads import BytesLm

from .conftest import Knobs, World, grants, refused, request_of

RUN = TrainingRun(workload=BytesLm(), optimizer=AdamW(learning_rate=0.1), global_batch_size=8, steps=10)


def file_system(kind: str = "FSxLustre", **fields: str) -> FileSystem:
    return FileSystem(
        **{"kind": kind, "id": "fs-0123456789abcdef0", "security_group": "sg-0123456789abcdef0", **fields}
    )


def channels(world: World, *given: object, **fields: object) -> list[dict]:
    """Channels of the request beside the program's own."""
    return request_of(world, world.train(channels=given, **fields))["InputDataConfig"][1:]


def test_a_pipe_has_a_manifest_a_share_and_an_order(world: World) -> None:
    (found,) = channels(
        world, Channel(name="train", source=world.data, mode="Pipe", manifest=True, sharded=True, shuffle_seed=7)
    )
    assert found["InputMode"] == "Pipe"
    assert found["ShuffleConfig"] == {"Seed": 7}
    source = found["DataSource"]["S3DataSource"]
    assert (source["S3DataType"], source["S3DataDistributionType"]) == ("ManifestFile", "ShardedByS3Key")


def test_a_group_gets_its_own_data(world: World) -> None:
    groups = (InstanceGroup(name="gpu", instance_type="ml.g5.xlarge", instance_count=1),)
    resources = HeterogeneousResources(instance_groups=groups, volume_gib=10, efa=False)
    channel = Channel(name="train", source=world.data, instance_groups=("gpu",))
    (found,) = channels(world, channel, resources=resources)
    assert found["DataSource"]["S3DataSource"]["InstanceGroupNames"] == ["gpu"]
    with refused(r"^TrainingStep.channels.train.instance_groups: got 'cpu', .* They are gpu"):
        world.train(channels=(Channel(name="train", source=world.data, instance_groups=("cpu",)),), resources=resources)


def test_a_group_without_groups_is_refused(world: World) -> None:
    with refused(r"instance_groups: got 'gpu', .* Take HeterogeneousResources, or leave it out"):
        world.train(channels=(Channel(name="train", source=world.data, instance_groups=("gpu",)),))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"manifest": True, "mode": "FastFile"}, r"^Channel.manifest: got True, but FastFile knows key prefixes only"),
        ({"shuffle_seed": 1}, r"^Channel.shuffle_seed: got 1, but files of a File channel have no order"),
        ({"mode": "Stream"}, r"^Channel.mode: got 'Stream', but it must be one of"),
        ({"name": "a b"}, r"^Channel.name"),
    ],
)
def test_what_no_channel_can_say(world: World, fields: dict, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Channel(**{"name": "train", "source": world.data, **fields})


def test_there_are_at_most_twenty_with_the_programs_own(world: World) -> None:
    twenty = tuple(Channel(name=f"c{number}", source=world.data) for number in range(20))
    with refused(r"^TrainingStep.channels: .* it must hold at most 19 items"):
        world.train(channels=twenty)
    assert len(request_of(world, world.train(channels=twenty[:19]))["InputDataConfig"]) == 20


def test_a_run_reads_no_pipe(world: World) -> None:
    with refused(
        r"channels.train.mode: got 'Pipe', but the training code of a TrainingRun reads files. .*StreamChannel"
    ):
        world.train(channels=(Channel(name="train", source=world.data, mode="Pipe"),), hyperparameters=RUN)


@pytest.mark.parametrize(("kind", "ports"), [("FSxLustre", {(988, 988), (1018, 1023)}), ("EFS", {(2049, 2049)})])
def test_a_file_system_lets_the_jobs_in(world: World, kind: str, ports: set) -> None:
    system = file_system(kind, id="fs-0123456789abcdef1")
    step = world.train(
        channels=(
            FileSystemChannel(name="train", file_system=system, directory="/mount/data"),
            FileSystemChannel(name="more", file_system=system, directory="/mount/more", writable=True),
        )
    )
    first, second = request_of(world, step)["InputDataConfig"][1:]
    assert first["DataSource"]["FileSystemDataSource"] == {
        "FileSystemId": "fs-0123456789abcdef1", "FileSystemType": kind, "FileSystemAccessMode": "ro",
        "DirectoryPath": "/mount/data",
    }  # fmt: skip
    assert second["DataSource"]["FileSystemDataSource"]["FileSystemAccessMode"] == "rw"
    (group,) = (
        child
        for child in world.stack.node.find_child(f"Pipeline{world.pipelines}").node.children
        if child.node.id.startswith("FileSystem-")
    )
    rules = group.node.find_all()[1:]
    assert {(rule.from_port, rule.to_port) for rule in rules} == ports
    assert {rule.group_id for rule in rules} == {"sg-0123456789abcdef0"}


@pytest.mark.parametrize("wrong", ["0123456789abcdef0", "fs-", "fs-" + "0" * 20])
def test_a_file_systems_id(wrong: str) -> None:
    with pytest.raises(InvalidValue, match=r"^FileSystem.id.*: got '.*', but an id has 11 to 21 characters"):
        file_system(id=wrong)


def test_a_stream_is_a_hyperparameter_and_a_right_to_read(world: World) -> None:
    step = world.train(channels=(StreamChannel(source=world.data.below(EXECUTION_ID)),), hyperparameters=RUN)
    request = request_of(world, step)
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == ["code"]
    parts = request["HyperParameters"]["loading"]["Std:Join"]["Values"]
    assert parts[1]["Std:Join"]["Values"][1] == {"Get": "Execution.PipelineExecutionId"}
    joined = f"{parts[0]}s3://bucket/in/1{parts[2]}"
    assert json.loads(joined)["stream_uri"] == "s3://bucket/in/1"
    read = [row for row in grants(world, step) if row["Action"] == "s3:GetObject"]
    assert any("/in/*" in json.dumps(row["Resource"]) for row in read)


@given(workers=st.integers(0, 64), buffer=st.integers(16, 1024), name=st.from_regex(r"[a-z/]{1,20}", fullmatch=True))
def test_a_streamed_run_decodes_into_itself_with_the_address(workers: int, buffer: int, name: str) -> None:
    run = TrainingRun(
        workload=BytesLm(), optimizer=AdamW(learning_rate=0.1), global_batch_size=8, steps=10,
        loading=Loading(workers=workers, buffer_mib=buffer),
    )  # fmt: skip
    given = encode(run) | streamed(run, "loading.stream_uri", f"s3://bucket/{name}")
    assert decode(TrainingRun, given).loading == Loading(
        workers=workers, buffer_mib=buffer, stream_uri=f"s3://bucket/{name}"
    )


def test_a_stream_may_be_a_hyperparameter_of_another_program(world: World) -> None:
    step = world.train(channels=(StreamChannel(source=world.data, hyperparameter="state"),), hyperparameters=Knobs())
    assert request_of(world, step)["HyperParameters"]["state"].startswith("s3://")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loading.uri", r"channels.hyperparameter: got 'loading.uri', but TrainingRun.loading has no field uri"),
        ("lading.stream_uri", r"overrides.lading: got 'lading', but TrainingRun has no such field"),
    ],
)
def test_a_stream_names_a_hyperparameter_that_exists(world: World, name: str, message: str) -> None:
    with refused(message):
        world.train(channels=(StreamChannel(source=world.data, hyperparameter=name),), hyperparameters=RUN)


def test_a_stream_and_an_override_do_not_meet(world: World) -> None:
    with refused(r"overrides.loading: got 'loading', but the stream writes loading.stream_uri. Leave one"):
        world.train(
            channels=(StreamChannel(source=world.data),), hyperparameters=RUN, overrides={"loading": EXECUTION_ID}
        )


def test_two_streams_have_two_hyperparameters(world: World) -> None:
    with refused(r"two streams write one hyperparameter"):
        world.train(channels=(StreamChannel(source=world.data),) * 2, hyperparameters=RUN)
