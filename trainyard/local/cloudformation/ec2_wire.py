"""EC2's query protocol: parameters in, XML out, by the names that botocore's shapes have for the wire."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import ec2

from trainyard.local.cloudformation.aws import service_model

Parameters = Mapping[str, Any]
Answer = tuple[int, dict[str, str], bytes]


class RefusalError(Exception):
    """An answer of EC2 with an error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _xml(shape: Any, value: Any) -> str:
    """A value as EC2's XML writes it, by the names that botocore's shape has for the wire."""
    if shape.type_name == "structure":
        parts = []
        for name, member in shape.members.items():
            if value.get(name) is not None:
                tag = member.serialization.get("name", name)
                parts.append(f"<{tag}>{_xml(member, value[name])}</{tag}>")
        return "".join(parts)
    if shape.type_name == "list":
        return "".join(f"<item>{_xml(shape.member, item)}</item>" for item in value)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    return str(ec2._esc(str(value)))


def operation(name: str, work: Callable[[Parameters], dict[str, Any]]) -> Callable[[Parameters], Answer]:
    """An action of the emulator from a function that answers in botocore's names."""

    def answer(parameters: Parameters) -> Answer:
        try:
            body = _xml(service_model("ec2").operation_model(name).output_shape, work(parameters))
        except RefusalError as refusal:
            refused: Answer = ec2._error(refusal.code, ec2._esc(str(refusal)), 400)
            return refused
        answered: Answer = ec2._xml(200, f"{name}Response", body)
        return answered

    return answer


def text(parameters: Parameters, name: str) -> str:
    return str(ec2._p(parameters, name))


def texts(parameters: Parameters, name: str) -> list[str]:
    return list(ec2._parse_member_list(parameters, name))
