"""What the scripts ask: each question is a function, and its answer lines for the shell."""

from __future__ import annotations

from .documents import configuration, resources
from .shape import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# No blanks: the shell would take several of them for one, and so lose an empty field.
BETWEEN_FIELDS, BETWEEN_ITEMS = "\x1f", "\x1e"


def facts(*mine: str) -> list[str]:
    """Who the node with these addresses is and what it runs, as assignments of the shell.

    A node with EFA has several, and only one of them is in resource_config.json.
    """
    import shlex  # asked once a run, and slow to load

    document, cluster = configuration(), resources()
    found = [
        (group, instance)
        for group in cluster["InstanceGroups"]
        for instance in group["Instances"]
        if instance["CustomerIpAddress"] in mine
    ]
    if len(found) != 1:
        raise Refused(
            f"resource_config.json: {len(found)} instances have an address of this node "
            f"({', '.join(sorted(mine)) or 'none'}), but it must be one"
        )
    group, instance = found[0]
    types = {known["name"]: known["node_type"] for known in document["groups"]}
    if group["Name"] not in types:
        raise Refused(
            f"lifecycle.json: groups: this node is of {group['Name']!r}, but it names {', '.join(sorted(types))}"
        )
    controllers = [
        instance["CustomerIpAddress"]
        for other in cluster["InstanceGroups"]
        if types.get(other["Name"]) == "controller"
        for instance in other["Instances"]
    ]
    arn = cluster["ClusterConfig"]["ClusterArn"].split(":")
    if len(arn) != 6:
        raise Refused(f"resource_config.json: ClusterConfig.ClusterArn: {':'.join(arn)!r:.90} is no ARN")
    given = {
        "NODE_TYPE": types[group["Name"]],
        "GROUP": group["Name"],
        "INSTANCE_NAME": instance["InstanceName"],
        "INSTANCE_ID": instance["InstanceId"],
        "ADDRESS": instance["CustomerIpAddress"],
        "CONTROLLERS": ",".join(controllers),
        "REGION": arn[3],
        "ACCOUNT": arn[4],
        "LINGER": str(document["linger"]),
        "PLAN": "\n".join(
            f"{step['name']} {step['limit']} {step['tries']} {step['wait']}"
            for step in document["steps"][types[group["Name"]]]
        ),
    }
    return [f"{name}={shlex.quote(value)}" for name, value in given.items()]


def hosts() -> list[str]:
    """Lines of /etc/hosts: the name by which HyperPod knows a node, and its instance."""
    return [
        f"{instance['CustomerIpAddress']} {instance['InstanceName']} {instance['InstanceId']}"
        for group in resources()["InstanceGroups"]
        for instance in group["Instances"]
    ]


def get(path: str) -> list[str]:
    """One value, or each item of a list on a line of its own; nothing for null."""
    value: Any = configuration()
    for name in path.split("."):
        value = None if value is None else value[name]
    return [plain(item) for item in (value if isinstance(value, list) else [] if value is None else [value])]


def rows(path: str, *names: str) -> list[str]:
    """Objects of a list, or one, a line each, a control character between the named fields; one not there is empty."""
    value: Any = configuration()
    for name in path.split("."):
        value = value[name]
    objects = [value] if isinstance(value, dict) else value
    return [BETWEEN_FIELDS.join(plain(item.get(name, "")) for name in names) for item in objects]


def hosts_of(group: str) -> list[str]:
    """What the types of a group may have: accelerators and EFA interfaces."""
    return [
        f"{host['accelerators']} {host['efa_interfaces']}"
        for known in configuration()["groups"]
        if known["name"] == group
        for host in known["hosts"]
    ]


def plain(value: Any) -> str:
    """A value as the shell gets it; items of a list with a control character between them, which no item has."""
    if isinstance(value, list):
        return BETWEEN_ITEMS.join(plain(item) for item in value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


QUESTIONS: dict[str, Callable[..., list[str]]] = {
    "facts": facts,
    "hosts": hosts,
    "get": get,
    "rows": rows,
    "hosts-of": hosts_of,
}
