"""Who sees the figures of a run: its log, and whatever else the run asks for."""

from training_code.watching.watchers import Watchers

__all__ = ["Watchers"]
