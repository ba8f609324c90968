"""What lifecycle.json and resource_config.json hold, and the refusal of what does not hold it.

Constructs write lifecycle.json from value objects that have checked it; here it is checked for what is missing or of
another type, so that a document of another version or an edited one is refused before anything is changed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    Shape = Any
    """A type, a set of texts, a tuple with NoneType for what may be null, a list of one shape, fields by name, or kinds
    by name."""

TEXT, NUMBER, FLAG, LIST, OBJECT = str, int, bool, list, dict
NONE = type(None)
NODE_TYPES = frozenset({"controller", "login", "compute"})
# Who starts Slurm: these scripts, HyperPod before them, or the service after them.
DAEMONS = frozenset({"started-here", "started-before", "started-after"})
LOGINS = frozenset({"anyone", "with-job"})

STEP: Shape = {"name": TEXT, "limit": NUMBER, "tries": NUMBER, "wait": NUMBER}
HOST: Shape = {"instance_type": TEXT, "accelerators": NUMBER, "efa_interfaces": NUMBER}
GROUP: Shape = {"name": TEXT, "node_type": NODE_TYPES, "hosts": [HOST]}
USER: Shape = {"name": TEXT, "uid": NUMBER, "gid": NUMBER, "keys": [TEXT], "admin": FLAG}
ACCOUNT: Shape = {"name": TEXT, "members": [TEXT], "share": NUMBER}
PEOPLE: Shape = {
    "file": {"users": [USER], "home": TEXT},
    "directory": {
        "domain": TEXT, "uri": TEXT, "search_base": TEXT, "bind_name": TEXT, "secret": TEXT, "groups": [TEXT],
        "admins": TEXT, "home": TEXT, "authority": (TEXT, NONE),
    },
}  # fmt: skip
MOUNTS: Shape = {
    "hyperpod": {"path": TEXT, "efa": FLAG},
    "lifecycle": {"path": TEXT, "efa": FLAG, "dns_name": TEXT, "mount_name": TEXT},
}
EXPORTERS: Shape = {
    "image": {"name": TEXT, "image": TEXT, "arguments": [TEXT]},
    "binary": {"name": TEXT, "path": TEXT, "arguments": [TEXT]},
}
AGENTS: Shape = {
    "image": {"parameters": TEXT, "image": TEXT},
    "binary": {"parameters": TEXT, "path": TEXT},
}
LIFECYCLE: Shape = {
    "cluster": TEXT,
    "groups": [GROUP],
    "slurm": {"daemons": DAEMONS, "logins": LOGINS, "accounts": [ACCOUNT]},
    "users": (PEOPLE, NONE),
    "mounts": [(MOUNTS,)],
    "scratch": ({"path": TEXT, "minimum_gib": NUMBER}, NONE),
    "containers": ({"cache": (TEXT, NONE)}, NONE),
    "exporters": [(EXPORTERS,)],
    "agent": (AGENTS, NONE),
    "linger": NUMBER,
    "steps": {node_type: [STEP] for node_type in sorted(NODE_TYPES)},
    "needs": {node_type: [TEXT] for node_type in sorted(NODE_TYPES)},
}
INSTANCE: Shape = {"InstanceName": TEXT, "InstanceId": TEXT, "CustomerIpAddress": TEXT}
RESOURCES: Shape = {
    "ClusterConfig": {"ClusterArn": TEXT},
    # A group without nodes has null there.
    "InstanceGroups": [{"Name": TEXT, "Instances": ([INSTANCE], NONE)}],
}


class Refused(Exception):
    """One line that names the field."""


def check(value: Any, shape: Shape, path: str, more: bool = False) -> None:
    """Refuse what is missing in ``value`` or of another type; a tuple of kinds is told apart by ``kind``.

    ``more``: fields that ``shape`` does not name are passed over, for documents that somebody else may add to.
    """
    if isinstance(shape, tuple):
        if value is None and NONE in shape:
            return
        shape = shape[0]
        if isinstance(shape, dict) and all(isinstance(part, dict) for part in shape.values()):
            kind = value.get("kind") if isinstance(value, dict) else None
            one_of(kind, shape, f"{path}.kind")
            value = {name: part for name, part in value.items() if name != "kind"}
            shape = shape[kind]
    if isinstance(shape, list):
        of_type(value, list, path)
        for index, item in enumerate(value):
            check(item, shape[0], f"{path}[{index}]", more)
    elif isinstance(shape, dict):
        of_type(value, dict, path or "the document")
        dot = path + "." if path else ""
        for name in shape:
            if name not in value:
                raise Refused(f"{dot}{name}: it is missing")
            check(value[name], shape[name], dot + name, more)
        for name in value:
            if name not in shape and not more:
                raise Refused(f"{dot}{name:.60}: there is no such field")
    elif isinstance(shape, frozenset):
        one_of(value, shape, path)
    else:
        of_type(value, shape, path)


def one_of(value: Any, words: Collection[str], path: str) -> None:
    if not isinstance(value, str) or value not in words:
        raise Refused(f"{path}: got {value!r:.60}, but it must be one of {', '.join(sorted(words))}")


def of_type(value: Any, kind: Any, path: str) -> None:
    # A bool is an int to Python, and nobody means it.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Refused(f"{path}: got {value!r:.60}, but it must be of type {kind.__name__}")
