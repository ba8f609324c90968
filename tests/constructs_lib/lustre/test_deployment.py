"""Capacity, throughput and servers of file systems, as FSx allows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.lustre import (
    AutomaticMetadata,
    Backups,
    Deployment,
    IntelligentTiering,
    LustreSettings,
    Mirror,
    NoCache,
    Persistent2,
    ProportionalCache,
    ProvisionedCache,
    ProvisionedMetadata,
    Repository,
    Scratch2,
)
from constructs_lib.lustre.deployment import EFA_STEP_GIB
from constructs_lib.values import InvalidValue

THROUGHPUTS = st.sampled_from(sorted(EFA_STEP_GIB))


@given(capacity=st.integers(1200, 200_000))
def test_capacity_is_1200_2400_or_a_multiple_and_the_way_out_is_allowed(capacity: int) -> None:
    if capacity == 1200 or capacity % 2400 == 0:
        assert Scratch2(capacity_gib=capacity).file_system()["storage_capacity"] == capacity
        return
    with pytest.raises(InvalidValue, match=r"it is 1200, 2400, or a multiple of 2400\. Take (\d+)") as caught:
        Scratch2(capacity_gib=capacity)
    larger = int(caught.value.problems[0].way_out.removeprefix("Take ").rstrip("."))
    assert capacity < larger < capacity + 2400
    assert Scratch2(capacity_gib=larger)


@given(servers=st.integers(1, 30), throughput=THROUGHPUTS, short=st.integers(1, 4799))
def test_with_efa_a_server_is_larger_the_lower_the_throughput(servers: int, throughput: int, short: int) -> None:
    step = EFA_STEP_GIB[throughput]
    # The product is the same for all: what one server can send.
    assert step * throughput == 4_800_000
    found = Persistent2(capacity_gib=servers * step, throughput=throughput, efa=True)
    assert found.addresses > servers
    with pytest.raises(InvalidValue, match=f"a storage server has {step} GiB. Take {servers * step},"):
        Persistent2(capacity_gib=max(1200, servers * step - short), throughput=throughput, efa=True)


@given(capacity=st.integers(1, 80).map(lambda n: 2400 * n), throughput=THROUGHPUTS)
def test_a_larger_file_system_never_has_fewer_servers(capacity: int, throughput: int) -> None:
    def servers(gib: int) -> int:
        return Persistent2(capacity_gib=gib, throughput=throughput, efa=False).addresses

    assert servers(capacity) <= servers(capacity + 2400)
    assert servers(capacity) >= capacity // 2400 + 1


@pytest.mark.parametrize(
    ("capacity", "operations"),
    [(1200, 1500), (2400, 3000), (4800, 6000), (9600, 6000), (12000, 12000), (45600, 12000), (48000, 36000)],
)
def test_automatic_metadata_grows_with_the_capacity(capacity: int, operations: int) -> None:
    assert AutomaticMetadata().iops(capacity) == operations


def test_what_never_changes_is_told_apart() -> None:
    cache = NoCache()
    found = [
        Scratch2(capacity_gib=1200),
        Persistent2(capacity_gib=38_400, throughput=1000, efa=False),
        *(Persistent2(capacity_gib=38_400, throughput=throughput, efa=True) for throughput in (125, 250, 500, 1000)),
        *(
            IntelligentTiering(throughput_mbps=4000, metadata_operations=6000, cache=cache, efa=efa)
            for efa in (False, True)
        ),
    ]
    assert len({one.fixed for one in found}) == len(found)


def test_what_may_change_is_the_same_file_system() -> None:
    for throughput, capacity in ((125, 1200), (1000, 2400)):
        assert Persistent2(capacity_gib=capacity, throughput=throughput, efa=False).fixed == "Persistent"
    for capacity in (4800, 9600):
        assert Persistent2(capacity_gib=capacity, throughput=1000, efa=True).fixed == "PersistentEfa1000"


def test_the_missions_file_system_has_two_servers() -> None:
    found = Persistent2(capacity_gib=4800, throughput=1000, efa=True)
    assert (found.addresses, found.efa_enabled) == (2, True)
    assert IntelligentTiering(throughput_mbps=8000, metadata_operations=6000, cache=NoCache(), efa=True).addresses == 3


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (Persistent2, {"capacity_gib": 1200, "throughput": 300, "efa": False}, r"throughput.*125, 250, 500 or 1000"),
        (Persistent2, {"capacity_gib": 1300, "throughput": 250, "efa": False}, "multiple of 2400. Take 2400"),
        (Persistent2, {"capacity_gib": 600, "throughput": 250, "efa": False}, "at least 1200"),
        (Persistent2, {"capacity_gib": 1200, "throughput": 250}, "efa: .*no default"),
        (Scratch2, {"capacity_gib": 1200, "throughput": 200}, "Scratch2 has no such field"),
        (ProvisionedMetadata, {"operations": 5000}, "multiple of 12000 up to 192000. Take 6000"),
        (ProvisionedMetadata, {"operations": 204_000}, "multiple of 12000 up to 192000. Take 192000"),
        (IntelligentTiering, {"throughput_mbps": 5000, "metadata_operations": 6000, "cache": NoCache(), "efa": False},
         "multiple of 4000. Take 8000"),
        (IntelligentTiering, {"throughput_mbps": 8000, "metadata_operations": 3000, "cache": NoCache(), "efa": False},
         "6000 or 12000"),
        (IntelligentTiering, {"throughput_mbps": 8000, "metadata_operations": 6000,
                              "cache": ProvisionedCache(gib=63), "efa": False}, "2 storage servers it is 64 to 262144"),
    ],
)  # fmt: skip
def test_what_fsx_would_refuse(kind: type[Deployment], fields: dict, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        kind(**fields)


def link(**fields: object) -> Repository:
    given = {"directory": "/data", "bucket": "data", "prefix": "shared/", "imports": ("NEW",), "exports": ()}
    return Repository(**{**given, **fields})


def settings(**fields: object) -> LustreSettings:
    persistent = Persistent2(capacity_gib=1200, throughput=125, efa=False)
    return LustreSettings(**{"deployment": persistent, "compression": "LZ4", "maintenance": "7:03:00", **fields})


def mirror(*links: Repository) -> Mirror:
    return Mirror(repositories=links, log_days=30)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"maintenance": "0:03:00"}, "must match"),
        ({"compression": "ZSTD"}, "'LZ4' or 'NONE'"),
        ({"deployment": Scratch2(capacity_gib=1200), "backups": Backups(days=7, at="04:00")}, "no backups of Scratch2"),
        ({"backups": Backups(days=7, at="04:00"), "mirror": mirror(link())}, "S3 is the copy"),
        ({"deployment": IntelligentTiering(throughput_mbps=4000, metadata_operations=6000, cache=ProportionalCache(),
                                           efa=False), "mirror": mirror(link())}, "cannot be linked to S3"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_a_deployment(fields: dict, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        settings(**fields)


@pytest.mark.parametrize("wrong", [{"days": 0, "at": "04:00"}, {"days": 91, "at": "04:00"}, {"days": 7, "at": "24:00"}])
def test_backups_have_a_window_and_an_end(wrong: dict) -> None:
    with pytest.raises(InvalidValue):
        Backups(**wrong)


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ([link(directory=f"/d{n}", prefix=f"p{n}/") for n in range(9)], "at most 8"),
        ([link(), link(prefix="other/")], "it overlaps /data"),
        ([link(), link(directory="/data/images", prefix="other/")], "it overlaps /data"),
        ([link(directory="/"), link(prefix="other/")], "it overlaps /"),
        ([link(), link(directory="/other")], r"prefix.*it overlaps 'shared/' of the same bucket"),
        ([link(), link(directory="/other", prefix="shared/images/")], "of the same bucket"),
        ([link(), link(directory="/other", prefix="")], "of the same bucket"),
        ([], "at least 1"),
    ],
)
def test_links_that_overlap(links: list[Repository], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        mirror(*links)


def test_eight_links_are_not_too_many() -> None:
    assert mirror(*(link(directory=f"/d{n}", prefix=f"p{n}/") for n in range(8)))


def test_names_that_begin_alike_do_not_overlap() -> None:
    assert mirror(link(), link(directory="/database", prefix="shared2/"), link(directory="/results", bucket="other"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"directory": "data"}, "must match"),
        ({"directory": "/data/"}, "must match"),
        ({"prefix": "shared"}, "must match"),
        ({"prefix": "/shared/"}, "must match"),
        ({"imports": ("NEW", "NEW")}, "an event is named once"),
        ({"exports": ("MOVED",)}, "'NEW', 'CHANGED' or 'DELETED'"),
    ],
)
def test_a_link_is_a_directory_and_a_prefix(fields: dict, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        link(**fields)
