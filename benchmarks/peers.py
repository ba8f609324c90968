"""Our clusters' templates beside those of AWS, resource by resource: the table of docs/hyperpod/peers.md.

    cdk synth --quiet && python -m benchmarks.peers

What peers declare was counted once in their templates, at the commits that the page names: ``peers.csv``, where a mark
such as ``setup_eks=¹`` leads from a cell to the page's notes. What we declare is counted in the cloud assembly.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ml_contract.errors import ContractError
from trainyard.assembly.stacks import select

PEERS = Path(__file__).with_name("peers.csv")
CUSTOM = "AWS::CloudFormation::CustomResource"
"""Also for types that begin with ``Custom::``."""
OURS = {
    "ours_slurm": (("Prod/Network", "Prod/Files-shared", "Prod/Cluster-slurm"), ("Prod/Observability",)),
    "ours_eks": (
        ("Research/Network", "Research/ControlPlane-eks", "Research/Cluster-eks"),
        ("Research/Observability", "Research/Governance-eks"),
    ),
}
"""Stacks of a cluster, and those that an environment may leave out, by the column that they are."""
HEADS = {
    "ours_slurm": "Slurm: ours", "setup_slurm": "setup", "awsome_slurm": "awsome",
    "ours_eks": "EKS: ours", "setup_eks": "setup", "awsome_eks": "awsome",
}  # fmt: skip
FURTHER = {"setup_eks": "setup_inference"}
"""What a peer may leave out, by the column where it follows a plus."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """What one side declares."""

    own: Counter[str]
    """Resources by type."""
    further: Counter[str]
    """Those that may be left out."""

    def cell(self, kind: str) -> str:
        """Both, for one type."""
        return _both(self.own[kind], self.further[kind])

    @property
    def all(self) -> str:
        """Both, for all types."""
        return _both(self.own.total(), self.further.total())


def table(assembly: Path) -> str:
    """The page's table as Markdown: a row for each type that anybody declares, and the sums.

    Raises:
        ContractError: The assembly lacks one of the stacks.
    """
    with PEERS.open(newline="") as file:
        peers = {row["type"]: row for row in csv.DictReader(file)}

    def counted(name: str | None) -> Counter[str]:
        return Counter({kind: int(row[name]) for kind, row in peers.items()} if name else ())

    columns = {
        name: Column(own=_declared(assembly, OURS[name][0]), further=_declared(assembly, OURS[name][1]))
        if name in OURS else Column(own=counted(name), further=counted(FURTHER.get(name)))
        for name in HEADS
    }  # fmt: skip
    lines = [f"| type | {' | '.join(HEADS.values())} |", f"|{' --- |' * (1 + len(HEADS))}"]
    for kind in sorted({kind for column in columns.values() for kind in (*column.own, *column.further)}):
        row = peers.get(kind, {})
        marks = dict(mark.split("=") for mark in row.get("marks", "").split())
        cells = [" ".join(filter(None, (column.cell(kind), marks.get(name)))) for name, column in columns.items()]
        # A scheduler with which nobody declares the type.
        shown = [cell for half in (cells[:3], cells[3:]) for cell in (half if set(half) != {"0"} else [""] * 3)]
        lines.append(f"| {' '.join(filter(None, (kind, row.get('label'))))} | {' | '.join(shown)} |")
    return "\n".join([*lines, f"| **all** | {' | '.join(column.all for column in columns.values())} |"])


def _declared(assembly: Path, stacks: tuple[str, ...]) -> Counter[str]:
    """Resources of all stacks by type, without what CDK adds about itself."""
    types = (entry["Type"] for stack in select(assembly, stacks) for entry in stack.template["Resources"].values())
    return Counter(CUSTOM if kind.startswith("Custom::") else kind for kind in types if kind != "AWS::CDK::Metadata")


def _both(own: int, further: int) -> str:
    return f"{own} +{further}" if further else str(own)


def main() -> int:
    """Print the table of an assembly, by default ``cdk.out``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("assembly", type=Path, nargs="?", default=Path("cdk.out"), help="what `cdk synth` wrote")
    try:
        print(table(parser.parse_args().assembly))
    except ContractError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
