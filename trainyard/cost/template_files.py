"""Files of templates: JSON, or YAML with CloudFormation's short forms of functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ml_contract.errors import reject


def template_of(file: Path) -> dict[str, Any]:
    """The template that a file holds.

    Raises:
        ContractError: It holds none.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except ValueError as error:
        where = " ".join(str(error).split())[:160]
        reject(str(file), f"{len(text)} characters", f"it is neither JSON nor YAML ({where})", "Give a template.")
    if not isinstance(found, dict) or not isinstance(found.get("Resources"), dict):
        reject(str(file), type(found).__name__, "a template has `Resources`", "Give a CloudFormation template.")
    return found


def _yaml(text: str) -> Any:
    """YAML with CloudFormation's short forms: ``!Ref x`` is ``{"Ref": "x"}``, ``!Sub x`` is ``{"Fn::Sub": "x"}``."""
    import yaml

    # A loader of its own: what is added to SafeLoader, everybody's documents would mean.
    loader_class: Any = type("Loader", (yaml.SafeLoader,), {})

    def short(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}

    loader_class.add_multi_constructor("!", short)
    # A date such as 2010-09-09 is text in a template, nothing else.
    loader_class.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_scalar)
    try:
        return loader_class(text).get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
