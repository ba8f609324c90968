"""Values of clusters that are well formed, and ways to change one thing in them."""

from typing import Any

from constructs_lib.hyperpod import (
    ClusterSettings,
    Compute,
    Controller,
    InstanceGroup,
    KubernetesNode,
    Login,
    OnDemand,
    OneType,
    Slurm,
)
from constructs_lib.hyperpod.orchestrators.scripts import NodeScripts
from constructs_lib.hyperpod.orchestrators.slurm import ByApi
from constructs_lib.values import Value

ZONE = "eu-west-1a"


def group(name: str = "workers", **fields: Any) -> InstanceGroup:
    """A group of two instances with GPUs and EFA."""
    given: dict[str, Any] = {
        "duty": Compute(partition="train"),
        "hosts": OneType(instance_type="ml.p5.48xlarge"),
        "count": 2,
        "capacity": OnDemand(),
    }
    return InstanceGroup(name=name, **{**given, **fields})


def controller(name: str = "controller", **fields: Any) -> InstanceGroup:
    given: dict[str, Any] = {"duty": Controller(), "hosts": OneType(instance_type="ml.m5.2xlarge"), "count": 1}
    return group(name, **{**given, **fields})


def login(name: str = "login", **fields: Any) -> InstanceGroup:
    given: dict[str, Any] = {"duty": Login(), "hosts": OneType(instance_type="ml.m5.xlarge"), "count": 1}
    return group(name, **{**given, **fields})


def pods(name: str = "pods", **fields: Any) -> InstanceGroup:
    return group(name, **{"duty": KubernetesNode(), **fields})


def changed(value: Value, **fields: Any) -> Any:
    """Another value of its kind, validated anew, which differs in these fields alone."""
    return type(value)(**{name: getattr(value, name) for name in type(value).model_fields} | fields)


def settings(*groups: InstanceGroup, **fields: Any) -> ClusterSettings:
    """A cluster of these groups; a controller and workers by default."""
    given: dict[str, Any] = {
        "name": "hall",
        "groups": groups or (controller(), group()),
        "zone": ZONE,
        "provisioning": "Continuous",
        "recovery": "Automatic",
    }
    return ClusterSettings(**{**given, **fields})


def slurm(**fields: Any) -> Slurm:
    given: dict[str, Any] = {
        "configuration": ByApi(strategy=None),
        "scripts": NodeScripts(event="OnInitComplete", logins="with-job"),
        "accounting": None,
    }
    return Slurm(**{**given, **fields})
