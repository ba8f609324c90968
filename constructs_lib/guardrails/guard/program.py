"""The cfn-guard program and AWS's published rules, as AWS packs them into its plug-in for CDK.

The plug-in itself gives every rule to the program for every template: 237 rules, half a minute for 49 templates. Here a
template meets the rules about its own types: five seconds.
"""

from __future__ import annotations

import importlib.resources
import json
import platform
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from ml_contract.errors import reject

OWN = Path(__file__).with_name("rules")
_PACKAGE = "cdklabs.cdk_validator_cfnguard._jsii"
_PUBLISHED = "package/rules/control-tower/cfn-guard/"
_SYSTEMS = {"Linux": "ubuntu", "Darwin": "macos"}
_MACHINES = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_TYPE = re.compile(r"AWS::\w+::\w+")
_PLACE = re.compile(r"/Resources/(\w+)")


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A rule that a resource breaks."""

    rule: str
    """Its name, ``s3_bucket_versioning_enabled_check``."""
    resource: str
    """Logical id."""
    says: str
    """What the rule says of itself, and how it is met."""


class Guard:
    """The program, unpacked for as long as this lives, and the rules that it is given."""

    def __init__(self, own: Path = OWN) -> None:
        """Unpack it.

        Args:
            own: Folder of rules beside the published ones.

        Raises:
            ContractError: There is no program for this machine.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="trainyard-guard-")
        root = Path(self._folder.name)
        system, machine = _SYSTEMS.get(platform.system()), _MACHINES.get(platform.machine())
        if system is None or machine is None:
            reject("machine", f"{platform.system()} {platform.machine()}", "cfn-guard is built for Linux and macOS",
                   "Synthesise on one of these.")  # fmt: skip
        program = f"package/bin/{system}/{machine}/cfn-guard"
        (archive,) = [each for each in importlib.resources.files(_PACKAGE).iterdir() if each.name.endswith(".tgz")]
        with archive.open("rb") as packed, tarfile.open(fileobj=packed, mode="r|gz") as members:
            for member in members:
                if member.name == program or (member.name.startswith(_PUBLISHED) and member.name.endswith(".guard")):
                    members.extract(member, root, filter="data")
        self._program, self._own, self._published = root / program, own, root / _PUBLISHED

    @cached_property
    def rules(self) -> dict[Path, frozenset[str]]:
        """File of a rule → types that it is about."""
        files = [*sorted(self._published.rglob("*.guard")), *sorted(self._own.glob("*.guard"))]
        return {file: frozenset(_TYPE.findall(_code(file.read_text()))) for file in files}

    def breaches(self, template: Path) -> Iterator[Breach]:
        """Rules that a template breaks, by resource.

        Raises:
            RuntimeError: The program failed.
        """
        resources = json.loads(template.read_text()).get("Resources", {})
        types = {each["Type"] for each in resources.values()}
        files = [file for file, about in self.rules.items() if about & types]
        if not files:
            return
        given: Sequence[str] = [part for file in files for part in ("--rules", str(file))]
        done = subprocess.run(
            [self._program, "validate", *given, "--data", str(template), "--output-format", "json",
             "--show-summary", "none", "--structured"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        # A rule that it cannot read it leaves out, and tells that on its other stream alone.
        if "Parsing error" in done.stderr or not done.stdout.lstrip().startswith("["):
            raise RuntimeError(
                f"cfn-guard on {PurePosixPath(template).name}: {done.stderr.strip() or done.stdout[:300]}"
            )
        seen = set()
        for report in json.loads(done.stdout):
            for broken in report["not_compliant"]:
                rule = broken["Rule"]
                for resource in dict.fromkeys(_PLACE.findall(json.dumps(broken))):
                    if resource in resources and (rule["name"], resource) not in seen:
                        seen.add((rule["name"], resource))
                        yield Breach(rule=rule["name"], resource=resource, says=_says(rule))


def _code(text: str) -> str:
    """A rule without its comments, which name types that it is not about."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _says(rule: Any) -> str:
    """The first message of a rule, in one line."""
    if isinstance(rule, dict):
        messages = rule.get("messages") or {}
        own = messages.get("custom_message") or messages.get("error_message")
        if isinstance(own, str) and own.strip():
            return " ".join(own.split())
        return next(filter(None, map(_says, rule.values())), "")
    return next(filter(None, map(_says, rule)), "") if isinstance(rule, list) else ""
