"""Replies of the emulator's services: their form, and their errors."""

from ministack.core import responses
from ministack.services import s3

Reply = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


def json_error(code: str, message: str, status: int = 400) -> Reply:
    """The error of a service that speaks JSON."""
    reply: Reply = responses.error_response_json(code, message, status)
    return reply


def s3_error(code: str, message: str, status: int) -> Reply:
    """An error of S3."""
    reply: Reply = s3._error(code, message, status)
    return reply
