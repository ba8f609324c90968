"""Errors as a client of AWS sees them."""


class ServiceError(Exception):
    """An error that is an answer of the service: it reaches the client as `code` and `message`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        """HTTP status."""


def invalid(message: str) -> ServiceError:
    """A request that breaks a rule."""
    return ServiceError("ValidationException", message)


def not_found(kind: str, name: str) -> ServiceError:
    """A resource that does not exist. SageMaker's own code for most kinds, jobs among them, is ValidationException."""
    return ServiceError("ValidationException", f"Requested resource not found: {kind} {name!r} does not exist.")


def unsupported(field: str, value: object, way_out: str) -> ServiceError:
    """A feature that AWS has and the embedded cloud does not run: refused, never dropped in silence."""
    shown = repr(value) if isinstance(value, str | int | float | bool) else "a value"
    return invalid(f"{field}: got {shown}, but the embedded cloud does not run this. {way_out}")
