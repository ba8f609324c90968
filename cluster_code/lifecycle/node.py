"""Reads lifecycle.json and resource_config.json for the scripts beside it: python3 3.8 or newer, nothing else.

Constructs write lifecycle.json from value objects that have checked it; here it is checked for what is missing or of
another type, so that a document of another version or an edited one is refused before anything is changed.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

VERSION = 1
EXIT_CONFIGURATION = 64
TEXT, NUMBER, FLAG, LIST, OBJECT = str, int, bool, list, dict
NONE = type(None)
# No blanks: the shell would take several of them for one, and so lose an empty field.
BETWEEN_FIELDS, BETWEEN_ITEMS = "\x1f", "\x1e"

Shape = Any
"""A type, a tuple with NoneType for what may be null, a list of one shape, fields by name, or kinds by name."""

STEP: Shape = {"name": TEXT, "limit": NUMBER, "tries": NUMBER, "wait": NUMBER}
HOST: Shape = {"instance_type": TEXT, "accelerators": NUMBER, "efa_interfaces": NUMBER}
GROUP: Shape = {"name": TEXT, "node_type": TEXT, "hosts": [HOST]}
USER: Shape = {"name": TEXT, "uid": NUMBER, "gid": NUMBER, "keys": LIST, "admin": FLAG}
ACCOUNT: Shape = {"name": TEXT, "members": LIST, "share": NUMBER}
PEOPLE: Shape = {
    "file": {"users": [USER], "home": TEXT},
    "directory": {
        "domain": TEXT, "uri": TEXT, "search_base": TEXT, "bind_name": TEXT, "secret": TEXT, "groups": LIST,
        "admins": TEXT, "home": TEXT, "authority": (TEXT, NONE),
    },
}  # fmt: skip
MOUNTS: Shape = {
    "hyperpod": {"path": TEXT, "efa": FLAG},
    "lifecycle": {"path": TEXT, "efa": FLAG, "dns_name": TEXT, "mount_name": TEXT},
}
EXPORTERS: Shape = {
    "image": {"name": TEXT, "image": TEXT, "arguments": LIST},
    "binary": {"name": TEXT, "path": TEXT, "arguments": LIST},
}
AGENTS: Shape = {
    "image": {"parameters": TEXT, "image": TEXT},
    "binary": {"parameters": TEXT, "path": TEXT},
}
DOCUMENT: Shape = {
    "cluster": TEXT,
    "groups": [GROUP],
    "slurm": {"daemons": TEXT, "logins": TEXT, "accounts": [ACCOUNT]},
    "users": (PEOPLE, NONE),
    "mounts": [(MOUNTS,)],
    "scratch": ({"path": TEXT, "minimum_gib": NUMBER}, NONE),
    "containers": ({"cache": (TEXT, NONE)}, NONE),
    "exporters": [(EXPORTERS,)],
    "agent": (AGENTS, NONE),
    "linger": NUMBER,
    "steps": {"controller": [STEP], "login": [STEP], "compute": [STEP]},
    "needs": {"controller": LIST, "login": LIST, "compute": LIST},
}


class Refused(Exception):
    """One line that names the field."""


def check(value: Any, shape: Shape, path: str) -> None:
    """Refuse what is missing in ``value`` or of another type; a tuple of kinds is told apart by ``kind``."""
    if isinstance(shape, tuple):
        if value is None and NONE in shape:
            return
        shape = shape[0]
        if isinstance(shape, dict) and all(isinstance(part, dict) for part in shape.values()):
            kind = value.get("kind") if isinstance(value, dict) else None
            if kind not in shape:
                raise Refused(f"{path}.kind: got {kind!r}, but it must be one of {', '.join(sorted(shape))}")
            value = {name: part for name, part in value.items() if name != "kind"}
            shape = shape[kind]
    if isinstance(shape, list):
        of_type(value, list, path)
        for index, item in enumerate(value):
            check(item, shape[0], f"{path}[{index}]")
    elif isinstance(shape, dict):
        of_type(value, dict, path or "the document")
        dot = path + "." if path else ""
        for name in shape:
            if name not in value:
                raise Refused(f"{dot}{name}: it is missing")
            check(value[name], shape[name], dot + name)
        for name in value:
            if name not in shape:
                raise Refused(f"{dot}{name}: there is no such field")
    else:
        of_type(value, shape, path)


def of_type(value: Any, kind: Any, path: str) -> None:
    # A bool is an int to Python, and nobody means it.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Refused(f"{path}: got {value!r:.60}, but it must be of type {kind.__name__}")


def load(path: Any) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"it cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise Refused(f"it is no JSON ({error})") from None


def configuration() -> dict[str, Any]:
    path = Path(__file__).resolve().parent / "lifecycle.json"
    document: dict[str, Any]
    try:
        document = load(path)
        version = document.pop("version", None) if isinstance(document, dict) else None
        if version != VERSION:
            raise Refused(f"version: got {version!r}, but these scripts read version {VERSION}")
        check(document, DOCUMENT, "")
    except Refused as refused:
        raise Refused(f"lifecycle.json: {refused}") from None
    return document


def resources() -> dict[str, Any]:
    path = os.environ.get("SAGEMAKER_RESOURCE_CONFIG_PATH") or "/opt/ml/config/resource_config.json"
    document: dict[str, Any]
    try:
        document = load(path)
        for group in document["InstanceGroups"]:
            # A group without nodes has null there.
            group["Instances"] = group.get("Instances") or []
            for instance in group["Instances"]:
                for name in ("InstanceName", "InstanceId", "CustomerIpAddress"):
                    instance[name]
            group["Name"]
        document["ClusterConfig"]["ClusterArn"]
    except Refused as refused:
        raise Refused(f"{path}: {refused}") from None
    except (KeyError, TypeError) as error:
        raise Refused(f"{path}: {error} is missing or of another type") from None
    return document


def addresses() -> set[str]:
    """Own addresses: a node with EFA has several, and only one of them is in resource_config.json."""
    import subprocess  # most calls do without, and it is slow to load

    return set(subprocess.run(["hostname", "-I"], stdout=subprocess.PIPE, check=True).stdout.decode().split())


def facts() -> list[str]:
    """Who this node is, as assignments of the shell."""
    document, cluster = configuration(), resources()
    mine = addresses()
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
    }
    return [f"{name}={shlex.quote(value)}" for name, value in given.items()]


def steps(node_type: str) -> list[str]:
    return [
        f"{step['name']} {step['limit']} {step['tries']} {step['wait']}" for step in configuration()["steps"][node_type]
    ]


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
    """A list's objects, a line each, a control character between the named fields; one that is not there is empty."""
    value: Any = configuration()
    for name in path.split("."):
        value = value[name]
    return [BETWEEN_FIELDS.join(plain(item.get(name, "")) for name in names) for item in value]


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


COMMANDS: dict[str, Callable[..., list[str]]] = {
    "facts": facts,
    "steps": steps,
    "hosts": hosts,
    "get": get,
    "rows": rows,
    "hosts-of": hosts_of,
}


def main(arguments: list[str]) -> int:
    try:
        print("\n".join(COMMANDS[arguments[0]](*arguments[1:])))
    except Refused as refused:
        # The runner tells it in its last line.
        if os.environ.get("LIFECYCLE_REASON"):
            Path(os.environ["LIFECYCLE_REASON"]).write_text(str(refused), encoding="utf-8")
        print(refused, file=sys.stderr)
        return EXIT_CONFIGURATION
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
