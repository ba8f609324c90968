"""What a user reads when a command fails: one line that says what to do, no traceback."""

from __future__ import annotations

import errno
import re

import typer

from ml_contract.checkpoint.errors import CheckpointError
from ml_contract.errors import ContractError
from trainyard.local.cloud import CloudError
from trainyard.operations.connection import OperationError

INTERRUPTED = 130
_LISTS = {
    "Pipeline": "trainyard executions",
    "Endpoint": "trainyard endpoints",
    "Cluster": "trainyard cluster status",
}
"""What a service's message says is missing → the command that lists what there is."""


def explain(error: BaseException) -> tuple[str, int]:
    """The line for a user and the exit status.

    Raises:
        BaseException: ``error`` itself, where it is a mistake of ours and its traceback is wanted.
    """
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "interrupted; what was started goes on", INTERRUPTED
    if isinstance(error, typer.Exit):
        return "", error.exit_code
    # typer keeps its copy of click private; what a user typed wrongly is told apart by what it can say.
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        return f"trainyard: {_one_line(error.format_message())}", error.exit_code
    if isinstance(error, CloudError | OperationError | ContractError | CheckpointError):
        return f"trainyard: {_one_line(str(error))}", 1
    if isinstance(error, BrokenPipeError):
        return "", 1
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EACCES, errno.ENOENT, errno.EISDIR}:
        return f"trainyard: {error.filename or ''}: {error.strerror}", 1
    text = _from_aws(error)
    if text is None:
        raise error
    return f"trainyard: {_one_line(text)}", 1


def _from_aws(error: BaseException) -> str | None:
    # Only a command that called AWS can have failed with these, and it has imported botocore already.
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        message = str(error.response["Error"]["Message"])
        missing = re.match(r"(Pipeline|Endpoint|Cluster) \S+ .*(does not exist|not found)", message)
        way_out = f" See `{_LISTS[missing[1]]}` for what there is." if missing else ""
        return f"{error.operation_name}: {message}{way_out}"
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "no AWS credentials. Log in to AWS, or choose the embedded cloud with `trainyard --local …`"
    if isinstance(error, exceptions.NoRegionError):
        return "no AWS region. Set AWS_DEFAULT_REGION, or choose the embedded cloud with `trainyard --local …`"
    if isinstance(error, exceptions.EndpointConnectionError):
        return f"{error}. Check AWS_ENDPOINT_URL, or start the embedded cloud with `trainyard local up`"
    if isinstance(error, exceptions.BotoCoreError):
        return str(error)
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
