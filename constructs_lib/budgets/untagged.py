"""The review of cost-allocation tags, as a plug-in of CDK's validation: over templates, which are what is deployed.

What carries no tag is in no budget: AWS bills it, and nobody's limit counts it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii

from constructs_lib.budgets.tags import KEYS
from constructs_lib.validation import Template, TemplateReview, Violation

_WAY_OUT = (
    "Take it out of Tags.of(…).remove(…) and of exclude_resource_types; give a raw CfnResource the property {takes}."
)


@functools.cache
def taggable() -> Mapping[str, str]:
    """CloudFormation type → the property that takes its tags."""
    table = json.loads(Path(__file__).with_name("taggable.json").read_text())["types"]
    return {name: takes for takes, types in table.items() for name in types}


def untagged(template: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str], str]]:
    """Resources that could carry the tags and do not all.

    Args:
        template: As it was synthesised.

    Yields:
        Logical id, type, the keys that are missing, and the property that takes them.
    """
    for name, resource in template.get("Resources", {}).items():
        takes = taggable().get(resource["Type"])
        if takes is None:
            continue
        given = resource.get("Properties", {}).get(takes) or []
        keys = set(given) if isinstance(given, Mapping) else {row.get("Key") for row in given}
        missing = [key for key in KEYS if key not in keys]
        if missing:
            yield name, resource["Type"], missing, takes


@jsii.implements(cdk.IPolicyValidationPlugin)
class TagReview(TemplateReview):
    """Refuses a resource that a budget would not see."""

    title = "CostTags"

    def violations(self, templates: Sequence[Template]) -> Iterable[Iterable[Violation]]:
        for template in templates:
            yield (_violation(*found) for found in untagged(template.read()))


def _violation(resource: str, kind: str, missing: Sequence[str], takes: str) -> Violation:
    return Violation(
        rule="Untagged",
        resource=resource,
        says=f" ({kind}): got no tag {', '.join(missing)}, but what it costs would be in no budget.",
        place=f"Properties.{takes}",
        way_out=_WAY_OUT.format(takes=takes),
    )
