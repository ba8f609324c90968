"""Who sees the figures of a run: its log, and whatever else the run asks for."""

from training_code.watching.clock import Clock, of_the_first
from training_code.watching.watchers import Watchers

__all__ = ["Clock", "Watchers", "of_the_first"]
