"""Faults on request: what a cloud does to a job sooner or later, when somebody asks for it."""


class Faults:
    """The faults that somebody asked for."""
