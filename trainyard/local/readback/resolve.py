"""Intrinsic functions, resolved from what a client can read of a deployed stack."""

import base64
import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

NOTHING = object()
"""What AWS::NoValue resolves to: the property is not there."""


class Unresolved(Exception):
    """A value that a client cannot know. The message says which."""


class Resolver:
    """Resolves values of one template.

    It never asks CloudFormation for attributes (there is no API for them): `attribute` reads them from the services.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        *,
        physical_ids: Mapping[str, str],
        parameters: Mapping[str, Any],
        pseudo: Mapping[str, Any],
        attribute: Callable[[str, str], Any],
        output: Callable[[str, str], str],
        export: Callable[[str], str],
        zones: Callable[[], list[str]],
    ) -> None:
        """Takes the stack's facts.

        Args:
            template: The template.
            physical_ids: By logical id.
            parameters: Values of the template's parameters, as deployed.
            pseudo: AWS::Region and its like.
            attribute: Gives Fn::GetAtt's value for a logical id and an attribute.
            output: Gives the value of a stack's output, by stack name and output name.
            export: Gives the value of an export.
            zones: Gives the region's availability zones.
        """
        self._template = template
        self._ids = physical_ids
        self._parameters = {**pseudo, **parameters}
        self._attribute, self._output, self._export, self._zones = attribute, output, export, zones
        self._conditions: dict[str, bool] = {}

    def resolve(self, value: Any) -> Any:
        """A template's value with every function resolved; `NOTHING` where AWS::NoValue stands.

        Raises:
            Unresolved: A client cannot know the value.
        """
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            function = self._functions.get(name)
            if function:
                return function(self, argument)
        resolved = {key: self.resolve(inner) for key, inner in value.items()}
        return {key: inner for key, inner in resolved.items() if inner is not NOTHING}

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self._conditions:
            self._conditions[name] = bool(self._logic(self._template["Conditions"][name]))
        return self._conditions[name]

    def _logic(self, value: Any) -> Any:
        if isinstance(value, dict) and len(value) == 1:
            name, argument = next(iter(value.items()))
            match name:
                case "Condition":
                    return self.condition(argument)
                case "Fn::Equals":
                    return str(self.resolve(argument[0])) == str(self.resolve(argument[1]))
                case "Fn::Not":
                    return not self._logic(argument[0])
                case "Fn::And":
                    return all(self._logic(item) for item in argument)
                case "Fn::Or":
                    return any(self._logic(item) for item in argument)
        return self.resolve(value)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in self._parameters:
            return self._parameters[name]
        if name in self._ids:
            return self._ids[name]
        raise Unresolved(f"Ref {name}: the stack has no such resource")

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        logical_id, attribute = parts
        return self._attribute(logical_id, self.resolve(attribute))

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replace(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(self.resolve(own[name]))
            return str(self._get_att(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _cidr(self, argument: Any) -> list[str]:
        block, count, *bits = [self.resolve(item) for item in argument]
        network = ipaddress.ip_network(str(block))
        size = network.max_prefixlen - int(bits[0] if bits else 8)
        return [str(part) for part in itertools.islice(network.subnets(new_prefix=size), int(count))]

    def _find_in_map(self, argument: Any) -> Any:
        table, first, second = (self.resolve(item) for item in argument[:3])
        return self.resolve(self._template["Mappings"][table][first][second])

    def _stack_output(self, argument: Any) -> str:
        spec = self.resolve(argument)
        return self._output(str(spec["StackName"]), str(spec["OutputName"]))

    _functions: Mapping[str, Callable[..., Any]] = {
        "Ref": _ref,
        "Fn::Base64": lambda self, a: base64.b64encode(str(self.resolve(a)).encode()).decode(),
        "Fn::Cidr": _cidr,
        "Fn::FindInMap": _find_in_map,
        "Fn::GetAZs": lambda self, _: self._zones(),
        "Fn::GetAtt": _get_att,
        "Fn::GetStackOutput": _stack_output,
        "Fn::If": lambda self, a: self.resolve(a[1] if self.condition(a[0]) else a[2]),
        "Fn::ImportValue": lambda self, a: self._export(str(self.resolve(a))),
        "Fn::Join": lambda self, a: str(a[0]).join(str(item) for item in self.resolve(a[1])),
        "Fn::Select": lambda self, a: self.resolve(a[1])[int(self.resolve(a[0]))],
        "Fn::Split": lambda self, a: str(self.resolve(a[1])).split(str(a[0])),
        "Fn::Sub": _sub,
    }
