"""Why objects could not be read or written, told so that a role's policy can be mended."""

from botocore.exceptions import ClientError

_ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
}
_DENIED = frozenset({"AccessDenied", "403", "Forbidden"})


class TransferError(Exception):
    """Objects could not be read or written; the message names operation, object and, for a denial, the role."""


def transfer_error(error: Exception, role: str, bucket: str, key: str) -> TransferError:
    """What a client's error says to whoever runs the job.

    Args:
        error: The client's.
        role: ARN of the role that it has a session of.
        bucket: Of the request.
        key: Of the request; empty for one on the bucket.
    """
    cause = _client_error(error)
    where = f"s3://{bucket}/{key}"
    if cause is None:
        return TransferError(f"{where}: {error}")
    code = str(cause.response.get("Error", {}).get("Code", "Unknown"))
    message = cause.response.get("Error", {}).get("Message", "")
    action = _ACTIONS.get(cause.operation_name, f"s3:{cause.operation_name}")
    if code in _DENIED:
        resource = f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
        return TransferError(
            f"AccessDenied (403): the role {role} is not authorized to perform {action} on {resource}. "
            f"Grant it to the role. [{message}]"
        )
    return TransferError(f"{code}: {cause.operation_name} of {where}: {message}")


def _client_error(error: BaseException | None) -> ClientError | None:
    while error is not None and not isinstance(error, ClientError):
        error = error.__cause__ or error.__context__
    return error
