"""Findings of cdk-nag, of the review of policies and of Guard rules that are accepted, each with the risk left."""

from __future__ import annotations

import re

from stacks.acknowledgements.access import ACCESS
from stacks.acknowledgements.clusters import CLUSTERS
from stacks.acknowledgements.guard import GUARD
from stacks.acknowledgements.inference import INFERENCE

ACKNOWLEDGEMENTS = (*ACCESS, *CLUSTERS, *GUARD, *INFERENCE)


def reason_for(finding: str, path: str) -> str | None:
    """The reason why ``finding`` is accepted at ``path``, or ``None`` where it is not."""
    for entry in ACKNOWLEDGEMENTS:
        if re.fullmatch(entry.finding, finding) and re.search(entry.path + "$", path):
            return entry.reason
    return None
