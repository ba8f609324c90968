"""Endpoints, notebooks and clusters that people made beside the stacks with what the stacks gave them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from trainyard.teardown.bills import NOTHING, Bill
from trainyard.teardown.holders import Say
from trainyard.teardown.looking import Look
from trainyard.teardown.strays.base import Around, Stray, When
from trainyard.teardown.strays.runs import until

_GONE = ("Could not find", "does not exist", "not found", "RecordNotFound", "ResourceNotFound")


def hosting(around: Around) -> Iterator[Stray]:
    """Those with the environment's tags, or with a role of its stacks."""
    ours = {name.rpartition("/")[2] for name in around.of("AWS::SageMaker::Endpoint")}
    for each in around.look.all("sagemaker", "list_endpoints", "Endpoints"):
        name = each["EndpointName"]
        if name in ours:
            continue
        roles, bill = _of_endpoint(around, name)
        if _tagged(around, each["EndpointArn"]) or any(map(around.role, roles)):
            yield Endpoint(what=f"endpoint {name}", why="made beside the stacks, with their roles or tags", bill=bill,
                           when=When.HOSTING, name=name)  # fmt: skip
    subnets = set(around.of("AWS::EC2::Subnet"))
    for each in around.look.all("sagemaker", "list_notebook_instances", "NotebookInstances"):
        name = each["NotebookInstanceName"]
        described = around.look.client("sagemaker").describe_notebook_instance(NotebookInstanceName=name)
        if described.get("SubnetId") in subnets or around.role(described.get("RoleArn")):
            yield Notebook(what=f"notebook {name}", why="in the environment's network, or of its role",
                           bill=around.tariff.hourly(f"{each['InstanceType']}/notebook"), when=When.HOSTING,
                           data=True, in_network=True, name=name)  # fmt: skip
    clusters = {name.rpartition("/")[2] for name in around.of("AWS::SageMaker::Cluster")}
    for each in around.look.all("sagemaker", "list_clusters", "ClusterSummaries"):
        ids = {each["ClusterName"], each["ClusterArn"].rpartition("/")[2]}
        if not ids & clusters and _tagged(around, each["ClusterArn"]):
            yield Cluster(what=f"cluster {each['ClusterName']}", why="made beside the stacks, with their tags",
                          bill=Bill(unknown=1), when=When.HOSTING, name=each["ClusterName"])  # fmt: skip


def _tagged(around: Around, arn: str) -> bool:
    found = around.look.unless(_GONE, lambda: list(around.look.all("sagemaker", "list_tags", "Tags", ResourceArn=arn)))
    return around.tagged(found or [])


def _of_endpoint(around: Around, name: str) -> tuple[list[str], Bill]:
    """Roles of its models, and what its instances cost."""
    client = around.look.client("sagemaker")
    endpoint = around.look.unless(_GONE, lambda: client.describe_endpoint(EndpointName=name))
    config = endpoint and around.look.unless(
        _GONE, lambda: client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    )
    if not config:
        return [], NOTHING
    roles, bill = [config.get("ExecutionRoleArn", "")], NOTHING
    for variant in config["ProductionVariants"]:
        if "InstanceType" in variant:
            count = variant.get("InitialInstanceCount", 1)
            bill += around.tariff.hourly(f"{variant['InstanceType']}/hosting", count)
        model = variant.get("ModelName")
        described = model and around.look.unless(_GONE, partial(client.describe_model, ModelName=model))
        roles += [described.get("ExecutionRoleArn", "")] if described else []
    return roles, bill


@dataclass(frozen=True, kw_only=True)
class Endpoint(Stray):
    """With its configuration, which bills nothing and is of no use without it."""

    name: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("sagemaker")
        described = look.unless(_GONE, lambda: client.describe_endpoint(EndpointName=self.name))
        if described is None:
            return
        config = described["EndpointConfigName"]
        for each in list(
            look.all("sagemaker", "list_inference_components", "InferenceComponents", EndpointNameEquals=self.name)
        ):
            client.delete_inference_component(InferenceComponentName=each["InferenceComponentName"])
        until(lambda: not list(look.all("sagemaker", "list_inference_components", "InferenceComponents",
                                        EndpointNameEquals=self.name)), look)  # fmt: skip
        look.unless(_GONE, lambda: client.delete_endpoint(EndpointName=self.name))
        until(lambda: look.unless(_GONE, lambda: client.describe_endpoint(EndpointName=self.name)) is None, look)
        look.unless(_GONE, lambda: client.delete_endpoint_config(EndpointConfigName=config))


@dataclass(frozen=True, kw_only=True)
class Notebook(Stray):
    """With its volume."""

    name: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("sagemaker")
        described = look.unless(_GONE, lambda: client.describe_notebook_instance(NotebookInstanceName=self.name))
        if described is None:
            return
        if described["NotebookInstanceStatus"] == "InService":
            client.stop_notebook_instance(NotebookInstanceName=self.name)
        client.get_waiter("notebook_instance_stopped").wait(NotebookInstanceName=self.name)
        client.delete_notebook_instance(NotebookInstanceName=self.name)
        client.get_waiter("notebook_instance_deleted").wait(NotebookInstanceName=self.name)


@dataclass(frozen=True, kw_only=True)
class Cluster(Stray):
    """Of HyperPod."""

    name: str

    def remove(self, look: Look, say: Say) -> None:
        client = look.client("sagemaker")
        look.unless(_GONE, lambda: client.delete_cluster(ClusterName=self.name))
        until(lambda: look.unless(_GONE, lambda: client.describe_cluster(ClusterName=self.name)) is None, look)
