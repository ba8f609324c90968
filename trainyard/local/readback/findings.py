"""What a read-back says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a property of a template compares with the deployed resource."""

    SAME = "same"
    DIFFERS = "differs"
    NOT_READABLE = "not readable"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One property of one deployed resource."""

    stack: str
    """Stack name."""
    logical_id: str
    """The resource's name in the template."""
    type: str
    """CloudFormation type."""
    property: str
    """The property, with the path of the first difference; `*` stands for the resource itself."""
    expected: Any
    """What the template says, with every reference resolved."""
    actual: Any
    """What the service's API says; None when it cannot be read."""
    verdict: Verdict
    """How they compare."""
    reason: str = ""
    """Why a property cannot be read; empty otherwise."""

    def __str__(self) -> str:
        where = f"{self.stack} {self.logical_id} ({self.type}) {self.property}"
        if self.verdict is Verdict.NOT_READABLE:
            return f"{where}: not readable: {self.reason}"
        if self.verdict is Verdict.DIFFERS:
            return f"{where}: the template says {self.expected!r}, the service says {self.actual!r}"
        return f"{where}: same"


@dataclass(frozen=True, kw_only=True)
class ReadBack:
    """Deployed stacks held against their templates."""

    findings: Sequence[Finding]
    """Every property that was compared or could not be."""
    resources: int
    """Resources that were looked at."""

    def of(self, verdict: Verdict) -> list[Finding]:
        """The findings of one verdict."""
        return [finding for finding in self.findings if finding.verdict is verdict]

    @property
    def counts(self) -> dict[str, int]:
        """Findings by verdict."""
        found = Counter(finding.verdict.value for finding in self.findings)
        return {verdict.value: found[verdict.value] for verdict in Verdict}

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.of(Verdict.DIFFERS)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        return f"{self.resources} resources, {len(self.findings)} properties: {counts}"
