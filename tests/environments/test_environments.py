"""Environments: what they may hold, and what is refused before anything is deployed."""

import dataclasses

import pytest
from hyperpod_values import changed

from constructs_lib.hyperpod.eks.addons import Observability
from constructs_lib.network import ACCOUNTING, HYPERPOD, JOBS, MANAGED_PROMETHEUS, Purpose
from environments import DEV, ENVIRONMENTS, LAB, LOCAL, PROD, RESEARCH
from ml_contract.packaging import GpuInstances, Lengths, PackageOptions, TensorRtEngine


def test_names_and_accounts_differ() -> None:
    assert len({environment.name for environment in ENVIRONMENTS}) == len(ENVIRONMENTS)
    accounts = [environment.account for environment in ENVIRONMENTS if environment is not LAB]
    assert len(set(accounts)) == len(accounts)
    assert LAB.account == LOCAL.account


def test_only_what_people_rely_on_is_protected_and_waits_for_a_person() -> None:
    assert [environment.name for environment in ENVIRONMENTS if environment.protected] == ["prod", "research"]
    assert {training.approval for training in PROD.trainings} == {"PendingManualApproval"}


def test_production_trains_on_two_hosts_with_efa() -> None:
    resources = PROD.training("bytes-lm").resources
    assert (resources.instance_type, resources.instance_count, resources.efa) == ("ml.p4d.24xlarge", 2, True)


def test_every_field_of_every_value_says_what_it_means() -> None:
    from constructs_lib.values import Value, documentation

    def below(kind: type[Value]) -> list[type[Value]]:
        return [kind, *(other for child in kind.__subclasses__() for other in below(child))]

    undocumented = [
        f"{kind.__name__}.{name}"
        for kind in below(Value)
        if kind.__module__.split(".")[0] in {"constructs_lib", "stacks"}
        for name in kind.model_fields
        if not documentation(kind).get(name)
    ]
    assert undocumented == []


def test_a_network_too_small_for_the_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Environment.network.nodes: got 3, but all trainings, .* serving \(4\)"):
        changed(LOCAL, network=changed(LOCAL.network, nodes=3))


def test_efa_needs_a_network_for_efa() -> None:
    with pytest.raises(ValueError, match=r"^Environment.network.efa: got False, .* five addresses. Set network.efa"):
        changed(PROD, network=changed(PROD.network, efa=False))


def test_a_zone_lies_in_the_region() -> None:
    with pytest.raises(ValueError, match=r"^Environment.network.zones: got 'us-east-1a', .* eu-west-1"):
        changed(LOCAL, region="eu-west-1")


def test_a_block_too_small_for_the_nodes_names_one_that_suffices() -> None:
    with pytest.raises(ValueError, match=r"^NetworkSettings.cidr: got '10.10.0.0/24', .* Take a /23 or fewer nodes"):
        changed(LOCAL.network, nodes=40)


def test_a_zone_is_named_once() -> None:
    with pytest.raises(ValueError, match=r"^NetworkSettings.availability_zones: .* named once. Remove the repetition"):
        changed(LOCAL.network, availability_zones=("us-east-1a", "us-east-1a"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("account", "1234"), ("account", 123456789012), ("region", "us-east"), ("name", "Local"), ("protected", "no")],
)
def test_account_region_name_and_protection_have_their_form(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^Environment.{field}: got "):
        changed(LOCAL, **{field: value})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Environment.regoin: got .*Did you mean region\?"):
        changed(LOCAL, regoin="us-east-1")


def test_a_gpu_package_needs_a_gpu() -> None:
    packaging = DEV.training("bytes-lm").packaging
    with pytest.raises(
        ValueError, match=r"^TritonPackaging.package.instances: got GpuInstances\(.*\), but .* without GPU"
    ):
        changed(packaging, instance_types=("ml.c5.xlarge",))


def test_an_engine_is_registered_for_the_type_that_builds_it() -> None:
    packaging = DEV.training("bytes-lm").packaging
    engine = TensorRtEngine(instance_type="ml.g6.xlarge", lengths=Lengths(typical=64, longest=1024))
    package = PackageOptions(backend="tensorrt", instances=GpuInstances(), engine=engine)
    assert changed(packaging, package=package, instance_types=("ml.g6.xlarge",)).package.engine == engine
    with pytest.raises(ValueError, match=r"instance_types: got \('ml.g5.xlarge',\), but an engine runs on the type"):
        changed(packaging, package=package)


def test_hyperparameters_are_checked_when_the_environment_is_built() -> None:
    with pytest.raises(ValueError, match="learning_rate"):
        dataclasses.replace(LOCAL.training("bytes-lm").run.optimizer, learning_rate=2.0)


def test_an_endpoint_serves_a_workload_that_is_trained() -> None:
    with pytest.raises(
        ValueError, match=r"^Environment.endpoints.bytes-lm.workload: got 'bytes_lm', but the environment trains"
    ):
        changed(LOCAL, endpoints=(changed(LOCAL.endpoints[0], workload="bytes_lm"),))


def test_an_endpoint_has_a_type_that_the_packages_allow() -> None:
    served = LOCAL.endpoints[0]
    resources = changed(served.hosting.resources, instance_type="ml.m5.large")
    with pytest.raises(ValueError, match=r"^Environment.endpoints.bytes-lm.hosting.resources.instance_type: got 'ml.m"):
        changed(LOCAL, endpoints=(changed(served, hosting=changed(served.hosting, resources=resources)),))


def test_endpoints_have_different_names() -> None:
    with pytest.raises(ValueError, match=r"^Environment.endpoints: got .* each endpoint has its own name"):
        changed(LOCAL, endpoints=(LOCAL.endpoints[0], LOCAL.endpoints[0]))


def test_a_workload_has_one_pipeline() -> None:
    with pytest.raises(ValueError, match=r"^Environment.trainings: got .* each workload has one pipeline"):
        changed(LOCAL, trainings=(*LOCAL.trainings, LOCAL.trainings[0]))


def test_a_criterion_names_a_side() -> None:
    with pytest.raises(ValueError, match=r"^Criterion.better: got 'less', but it must be one of"):
        changed(LOCAL.training("bytes-lm").criterion, better="less")


def test_a_file_system_by_efa_stands_with_its_nodes() -> None:
    (files,) = PROD.file_systems
    with pytest.raises(ValueError, match=r"file_systems\.shared\.subnet: got 'us-east-1b', .* Write subnet=\"Slurm\""):
        changed(PROD, file_systems=(changed(files, subnet="us-east-1b"),))


def test_a_mirror_names_buckets_of_the_environment() -> None:
    (files,) = PROD.file_systems
    (link,) = files.settings.mirror.repositories
    mirror = changed(files.settings.mirror, repositories=(changed(link, bucket="datasets"),))
    with pytest.raises(ValueError, match=r"repositories\.0\.bucket: got 'datasets', but the environment has data, che"):
        changed(files, settings=changed(files.settings, mirror=mirror))


@pytest.mark.parametrize(
    ("name", "purposes", "missing"),
    [
        ("prod", (JOBS,), "the cluster slurm calls ssm, ssmmessages, ec2messages, ec2, secretsmanager"),
        ("prod", (JOBS, HYPERPOD, ACCOUNTING, MANAGED_PROMETHEUS), "a client of shared calls fsx"),
        ("research", (JOBS, HYPERPOD), "the cluster eks calls eks, eks-auth, elasticloadbalancing"),
    ],
)
def test_a_closed_network_has_the_endpoints_of_its_clusters(name: str, purposes: tuple, missing: str) -> None:
    (environment,) = (one for one in ENVIRONMENTS if one.name == name)
    with pytest.raises(ValueError, match=missing):
        changed(environment, network=changed(environment.network, purposes=purposes))


@pytest.mark.parametrize(
    ("purpose", "match"),
    [
        (ACCOUNTING, r"cluster slurm takes 2 addresses in each zone.*Add what stands for accounting database"),
        (
            MANAGED_PROMETHEUS,
            r"network is closed and the agent on each node of slurm calls aps-workspaces",
        ),
    ],
)
def test_what_a_cluster_keeps_and_sends_has_its_place_in_the_network(purpose: Purpose, match: str) -> None:
    left = tuple(one for one in PROD.network.purposes if one != purpose)
    with pytest.raises(ValueError, match=rf"network.purposes: got .*{match}"):
        changed(PROD, network=changed(PROD.network, purposes=left))


def test_without_metrics_nothing_is_sent() -> None:
    left = tuple(one for one in PROD.network.purposes if one != MANAGED_PROMETHEUS)
    assert changed(PROD, network=changed(PROD.network, purposes=left), observability=None)


def test_figures_of_an_eks_cluster_are_collected_once() -> None:
    (cluster,) = RESEARCH.clusters
    addon = Observability(workspace_arn="arn:aws:aps:us-east-1:333333333333:workspace/ws-1", remote_write="https://a/")
    twice = changed(cluster, addons=(*cluster.addons, addon))
    with pytest.raises(ValueError, match=r"clusters.eks.addons: got 'amazon-sagemaker-hyperpod-observability', but"):
        changed(RESEARCH, clusters=(twice,))
    assert changed(RESEARCH, clusters=(changed(twice, governance=None, runs=()),), observability=None)
