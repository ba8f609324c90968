"""What the inference operator stands on, and what is refused without it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from constructs_lib.hyperpod.eks import addons
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError

BASE = (addons.VpcCni(pods_per_node=49), addons.KubeProxy(), addons.PodIdentityAgent(), addons.CoreDns())
STANDS_ON = (addons.S3Driver(), addons.FsxDriver(), addons.CertManager(), addons.MetricsServer())


@pytest.mark.parametrize("missing", range(4))
def test_what_it_stands_on_must_be_there(missing: int) -> None:
    there = STANDS_ON[:missing] + STANDS_ON[missing + 1 :]
    with pytest.raises(ContractError, match=f"it stands on {STANDS_ON[missing].name}"):
        addons.check((*BASE, *there, addons.InferenceOperator(scales=True)))


@pytest.mark.parametrize(
    ("addon", "older"),
    [
        (addons.CertManager, "v1.18.2-eksbuild.1"),
        (addons.MetricsServer, "v0.7.2-eksbuild.3"),
        (addons.S3Driver, "v1.14.0-eksbuild.9"),
        (addons.FsxDriver, "v1.5.9-eksbuild.1"),
    ],
)
def test_what_it_stands_on_is_new_enough(addon: type[addons.AddOn], older: str) -> None:
    others = tuple(one for one in STANDS_ON if not isinstance(one, addon))
    with pytest.raises(ContractError, match=r"amazon-sagemaker-hyperpod-inference needs v.* or later"):
        addons.check((*BASE, *others, addon(version=older), addons.InferenceOperator(scales=True)))
    # Without it the older build is nobody's concern.
    addons.check((*BASE, *others, addon(version=older)))


def test_a_node_without_room_for_its_pods_is_refused() -> None:
    small = (addons.VpcCni(pods_per_node=12), *BASE[1:])
    with pytest.raises(ContractError, match="alone brings 13 pods"):
        addons.check((*small, *STANDS_ON, addons.InferenceOperator(scales=True)))


def test_a_build_that_is_told_no_cluster_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"from v1\.2\.0-eksbuild\.1 on"):
        addons.InferenceOperator(scales=False, version="v1.1.0-eksbuild.1")


def test_weights_are_read_from_a_bucket_that_is_there() -> None:
    nowhere: Any = SimpleNamespace(weights=None)
    with pytest.raises(ContractError, match="given no bucket of models"):
        addons.S3Driver(serves=("served",)).identities(nowhere)
    assert addons.S3Driver().identities(nowhere) == ()


def test_prefixes_of_weights_are_plain() -> None:
    for wrong in ("/served", "served/", "a//b", ""):
        with pytest.raises(InvalidValue, match="written like"):
            addons.S3Driver(serves=(wrong,))
