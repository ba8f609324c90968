"""Doing what is planned. Nothing is noted anywhere: a second run looks again and finds what is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from trainyard.operations.connection import OperationError
from trainyard.teardown import stacks
from trainyard.teardown.holders.bucket import RefusedError
from trainyard.teardown.holders.files import ExportError
from trainyard.teardown.looking import Look
from trainyard.teardown.plan import Plan
from trainyard.teardown.steps import Step

Say = Callable[[str], None]
AGAIN = 3
"""Times that a stack is deleted whose bucket was written to in between: access logs arrive hours late."""
_REPORT_SECONDS = 15.0


@dataclass
class Work:
    """One run of a plan."""

    look: Look
    plan: Plan
    say: Say
    _sorter: TopologicalSorter[str] = field(init=False)
    _running: dict[str, int] = field(default_factory=dict)
    """Id of a step that deletes a stack → how often that was begun."""
    _reported: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Every step, stacks that do not use one another at the same time.

        Raises:
            OperationError: Something could not be deleted; what had begun has ended, and the rest is as it was.
        """
        steps = {each.id: each for each in self.plan.steps}
        self._sorter = TopologicalSorter({each.id: each.after for each in self.plan.steps})
        self._sorter.prepare()
        failed: list[str] = []
        while self._sorter.is_active() and not (failed and not self._running):
            if not failed:
                for name in self._sorter.get_ready():
                    self._begin(steps[name], failed)
            for name in list(self._running):
                self._watch(steps[name], failed)
            if self._running:
                time.sleep(5.0 if self.look.connection.cloud is None else 0.1)
        if failed:
            raise OperationError(
                f"{'; '.join(failed)}. Run the command again once that is settled: it goes on from here"
            )

    def _begin(self, step: Step, failed: list[str]) -> None:
        if step.verb == "delete" and step.stack:
            self.say(f"{step.what}: deletion begins")
            stacks.begin(self.look, self.plan.survey.stacks[step.stack], self._behind(step.stack))
            self._running[step.id], self._reported[step.id] = 1, time.monotonic()
            return
        try:
            self._do(step)
        except (RefusedError, ExportError) as error:
            failed.append(str(error))
            return
        self.say(f"{step.what}: {_DONE[step.verb]}")
        self._sorter.done(step.id)

    def _do(self, step: Step) -> None:
        if step.stray:
            step.stray.remove(self.look, self.say)
        elif step.held:
            act = {
                "export": step.held.holder.prepare,
                "empty": step.held.holder.empty,
                "delete": step.held.holder.delete,
            }
            act[step.verb](self.look, step.held.identity, self.say)
        elif step.stack and step.verb == "unprotect":
            stacks.unprotect(self.look, step.stack)
        elif step.stack:
            survey = self.plan.survey
            stacks.keep_apart(self.look, survey.environment, survey.stacks[step.stack], step.logical)

    def _watch(self, step: Step, failed: list[str]) -> None:
        assert step.stack is not None
        stack = self.plan.survey.stacks[step.stack]
        state = stacks.state(self.look, stack)
        if state == "deleted":
            del self._running[step.id]
            self.say(f"{step.what}: {_DONE['delete']}")
            self._sorter.done(step.id)
        elif state == "failed":
            reasons = stacks.reasons(self.look, stack)
            if self._running[step.id] < AGAIN and not failed and self._emptied_again(step.stack):
                self._running[step.id] += 1
                stacks.begin(self.look, stack, self._behind(step.stack))
            else:
                del self._running[step.id]
                failed.append(
                    f"{step.what} could not be deleted ({'; '.join(reasons) or 'CloudFormation gives no reason'})"
                )
        elif time.monotonic() - self._reported[step.id] > _REPORT_SECONDS:
            self._reported[step.id] = time.monotonic()
            self.say(f"{step.what}: {stacks.progress(self.look, stack)}")

    def _behind(self, stack: str) -> tuple[str, ...]:
        return next((each.logical for each in self.plan.steps if each.verb == "keep apart" and each.stack == stack), ())

    def _emptied_again(self, stack: str) -> bool:
        """Whether something of the stack that was emptied, or was empty, holds something by now and is empty again."""
        again = False
        for each in self.plan.survey.held:
            step = f"empty {each.what}"
            if each.stack == stack and each.holder.noun == "bucket" and not each.retained:
                named = any(known.id == step for known in self.plan.steps)
                # What was empty when the plan was made was not named, and nothing is deleted that was not named.
                if named:
                    each.holder.empty(self.look, each.identity, self.say)
                    again = True
        return again


_DONE = {
    "stop": "stopped",
    "export": "exported",
    "empty": "emptied",
    "keep apart": "told what to leave behind",
    "unprotect": "no longer protected",
    "delete": "deleted",
}
