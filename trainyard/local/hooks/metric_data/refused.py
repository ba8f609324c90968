"""What a request is refused with."""


class Refused(ValueError):
    """A request that is wrong, or uses what nothing here evaluates."""
