"""Who may use a cluster's nodes: users of a file, or of a directory.

Sources, read 2026-11-22: useradd(8) for names; sssd-ldap(5) for the directory; GetSecretValue (Secrets Manager API
reference) for SecretId. Numbers are fixed because files on a shared file system belong to numbers, not to names.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from typing import ClassVar

from ml_contract.checks import between, matches
from ml_contract.clusters.mounts import PATH
from ml_contract.errors import ContractError, reject
from ml_contract.hyperparameters import decode_values
from ml_contract.values import value_object

NAME = r"[a-z_][a-z0-9_-]{0,30}"
LOWEST_ID, HIGHEST_ID = 2000, 60000
"""Above the image's own users (ubuntu has 1000), below what system and nobody use."""
KEY = r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( [^\x00-\x1f\x7f,]*)?"
RESERVED = frozenset({
    "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "backup", "list",
    "irc", "nobody", "nogroup", "adm", "tty", "disk", "dialout", "fax", "voice", "cdrom", "floppy", "tape", "sudo",
    "audio", "dip", "operator", "src", "shadow", "utmp", "video", "sasl", "plugdev", "staff", "users", "input",
    "kvm", "render", "sgx", "wheel", "lxd", "netdev", "docker", "messagebus", "sshd", "sssd", "polkitd", "syslog",
    "tss", "uuidd", "tcpdump", "landscape", "pollinate", "crontab", "chrony", "systemd-network", "systemd-resolve",
    "systemd-timesync", "systemd-journal", "systemd-oom", "systemd-coredump", "_apt", "_ssh", "_chrony", "slurm",
    "munge", "mysql", "ubuntu", "ec2-user", "admin", "ssm-user", "prometheus", "node_exporter", "dcgm",
    "nvidia-persistenced",
})  # fmt: skip
"""Names that an image has given away: useradd and groupadd would refuse them on every node. Of base-passwd 3.6 and
systemd 252 (Debian 12), Ubuntu 22.04's server image, and what HyperPod's image runs; read 2026-11-22. It can never be
complete: add-users says what it finds."""


@value_object
class User:
    """A person, the same on every node."""

    name: str
    """Login name."""
    uid: int
    """2000 to 60000; never given to anyone else while the file system lives."""
    gid: int
    """Number of the group of the same name."""
    keys: tuple[str, ...] = ()
    """Public SSH keys; without any the user comes through Session Manager alone."""
    admin: bool = False
    """May become root, and may enter nodes without a job there."""

    def __post_init__(self) -> None:
        matches("users.name", self.name, NAME)
        if self.name in RESERVED:
            reject("users.name", self.name, "images have a user or a group of that name", "Take another one.")
        between(f"users.{self.name}.uid", self.uid, LOWEST_ID, HIGHEST_ID)
        between(f"users.{self.name}.gid", self.gid, LOWEST_ID, HIGHEST_ID)
        for key in self.keys:
            matches(f"users.{self.name}.keys", key, KEY)


@value_object
class UsersFile:
    """Users that the cluster's owner lists."""

    kind: ClassVar[str] = "file"
    users: tuple[User, ...]
    """Everyone."""
    home: str
    """Folder of the homes, on a shared file system, for example ``/fsx/home``."""

    def __post_init__(self) -> None:
        matches("users.home", self.home, PATH)
        for field in ("name", "uid", "gid"):
            for value, times in Counter(getattr(user, field) for user in self.users).items():
                if times > 1:
                    reject(f"users.{field}", value, "two users have it", "Give each user a name and numbers.")


@value_object
class Directory:
    """Users of an LDAP directory or Active Directory, through sssd over TLS."""

    kind: ClassVar[str] = "directory"
    domain: str
    """Name of the domain, for example ``corp.example.com``."""
    uri: str
    """``ldaps://…``; plain LDAP would send passwords in the clear."""
    search_base: str
    """Where users are looked for, for example ``dc=corp,dc=example,dc=com``."""
    bind_name: str
    """The directory's user as whom sssd looks."""
    secret: str
    """Name or ARN of the secret whose SecretString is that user's password. The nodes' roles may read it."""
    groups: tuple[str, ...]
    """Groups whose members may log in."""
    admins: str
    """The group whose members may become root, and may enter nodes without a job there."""
    home: str
    """Folder of the homes, on a shared file system."""
    authority: str | None = None
    """Certificate of the authority, PEM; one that the image trusts by default."""

    def __post_init__(self) -> None:
        matches("users.domain", self.domain, r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
        if not self.uri.startswith("ldaps://"):
            reject("users.uri", self.uri, "the directory is reached over TLS", "Write it like ldaps://host.")
        matches("users.uri", self.uri, r"ldaps://[A-Za-z0-9.-]+(:\d+)?")
        matches("users.search_base", self.search_base, r"[^\n]+")
        matches("users.bind_name", self.bind_name, r"[^\n]+")
        matches("users.secret", self.secret, r"[A-Za-z0-9/_+=.@:-]{1,512}")
        matches("users.home", self.home, PATH)
        for group in self.groups:
            matches("users.groups", group, r"[A-Za-z0-9_][A-Za-z0-9 ._-]*")
        # sudo and PAM would need it escaped, each in its way.
        matches("users.admins", self.admins, r"[A-Za-z0-9_][A-Za-z0-9._-]*")
        if not self.groups:
            reject("users.groups", (), "without a group nobody may log in", "Name at least one.")
        if self.authority is not None and not self.authority.startswith("-----BEGIN CERTIFICATE-----"):
            reject("users.authority", self.authority[:40], "it is no certificate in PEM", "Give the file's text.")


People = UsersFile | Directory


def users_of(text: str) -> tuple[User, ...]:
    """Users of a TOML file with a table for each, named by the user.

    Raises:
        ContractError: No TOML, or a field is missing, unknown or wrong; ``field`` begins with the user's name.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reject("users", text[:40], f"it must be TOML ({error})", "Write a table for each user, like [alice].")
    users = []
    for name, table in tables.items():
        if not isinstance(table, dict):
            reject(name, table, "a user is a table", f"Write [{name}] with uid, gid and keys below it.")
        if "name" in table:
            reject(f"{name}: name", table["name"], "a table's name is the user's", "Leave it out.")
        try:
            users.append(decode_values(User, {"name": name, **table}))
        except ContractError as error:
            raise ContractError(f"{name}: {error.field}", error.value, error.rule, error.way_out) from None
    return tuple(users)
