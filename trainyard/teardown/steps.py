"""What is done with each thing, and what must have been done before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from trainyard.teardown.bills import NOTHING, Bill, total
from trainyard.teardown.strays import Stray, When
from trainyard.teardown.survey import Held, Survey

Verb = Literal["stop", "export", "empty", "keep apart", "unprotect", "delete"]
VPC = "AWS::EC2::VPC"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that is done."""

    id: str
    verb: Verb
    what: str
    """For people: ``bucket trainyard-…``."""
    why: str
    bill: Bill = NOTHING
    """What no longer bills after it."""
    after: frozenset[str] = frozenset()
    """Ids of the steps before it."""
    stack: str | None = None
    """The stack that it changes or deletes."""
    held: Held | None = None
    stray: Stray | None = None
    logical: tuple[str, ...] = ()
    """Of ``keep apart``: what the stack shall leave behind."""


@dataclass(frozen=True)
class Steps:
    """The graph: every step with those that it must come after."""

    survey: Survey
    whole: set[str]
    going: set[str]
    stays: set[str]
    _found: dict[str, Step] = field(default_factory=dict)

    def steps(self) -> dict[str, Step]:
        for stray in self.survey.strays:
            if stray.what not in self.stays:
                self._stray(stray)
        for name in self._leaving:
            self._stack(name)
        for held in self.survey.held:
            if held.what in self.going:
                self._held(held)
        return self._found

    @property
    def _leaving(self) -> list[str]:
        return [name for name in self.survey.stacks if name not in self.whole]

    def _add(self, step: Step) -> None:
        self._found[step.id] = step

    def _strays(self, *when: When) -> frozenset[str]:
        return frozenset(_id(each) for each in self.survey.strays if each.what not in self.stays and each.when in when)

    @property
    def _busy(self) -> frozenset[str]:
        """What runs, or makes something run."""
        return self._strays(When.TRIGGERS, When.RUNS, When.IDLE, When.HOSTING)

    def _users(self, stack: str) -> frozenset[str]:
        """Deletions of the stacks that use one."""
        return frozenset(f"stack {name}" for name in self._leaving if stack in self.survey.needs.get(name, ()))

    def _networks(self) -> set[str]:
        return {name for name, stack in self.survey.stacks.items() if any(each.type == VPC for each in stack.resources)}

    def _before_network(self) -> frozenset[str]:
        """Deletions of all stacks but the network's own and those that it uses."""
        below = self._networks()
        while more := {used for name in below for used in self.survey.needs.get(name, ())} - below:
            below |= more
        return frozenset(f"stack {name}" for name in self._leaving if name not in below)

    def _stray(self, stray: Stray) -> None:
        after = {
            When.TRIGGERS: frozenset[str](),
            When.RUNS: self._strays(When.TRIGGERS),
            When.IDLE: self._strays(When.TRIGGERS, When.RUNS),
            When.HOSTING: self._strays(When.TRIGGERS, When.RUNS, When.IDLE),
            When.NETWORK: self._busy | self._before_network(),
            When.LAST: self._busy | {f"stack {name}" for name in self._leaving},
        }[stray.when]
        verb: Verb = "stop" if stray.when <= When.IDLE else "delete"
        self._add(
            Step(id=_id(stray), verb=verb, what=stray.what, why=stray.why, bill=stray.bill, after=after, stray=stray)
        )

    def _stack(self, name: str) -> None:
        stack = self.survey.stacks[name]
        mine = [each for each in self.survey.held if each.stack == name]
        after = self._busy | self._users(name)
        if name in self._networks():
            after |= self._strays(When.NETWORK)
        if stack.protected:
            self._add(Step(id=f"unprotect {name}", verb="unprotect", what=f"stack {name}", stack=name,
                           why="its termination protection is on"))  # fmt: skip
            after |= {f"unprotect {name}"}
        apart = tuple(sorted(each.logical for each in mine if each.what not in self.going and not each.retained))
        policies = _companions(stack.template, {each.logical for each in mine if each.what not in self.going})
        if apart or policies:
            self._add(Step(id=f"keep apart {name}", verb="keep apart", what=f"stack {name}", stack=name,
                           logical=(*apart, *policies), after=self._users(name),
                           why=f"told to leave {len(apart) + len(policies)} resources behind"))  # fmt: skip
            after |= {f"keep apart {name}"}
        for held in mine:
            if held.what in self.going:
                after |= set(self._before(held))
        along = [each.contents.bill for each in mine if each.what in self.going and not each.retained
                 and (each.is_key or not each.contents.data)]  # fmt: skip
        self._add(Step(id=f"stack {name}", verb="delete", what=f"stack {name}", stack=name, after=after,
                       bill=total([*along, *(bill for _, bill in self.survey.resources(name))]),
                       why=f"{len(stack.resources)} resources, after the stacks that use it"))  # fmt: skip

    def _before(self, held: Held) -> Iterable[str]:
        """Ids of what is done with a thing before its stack is deleted."""
        if held.holder.in_network:
            yield f"delete {held.what}"
        elif held.contents.data and not held.is_key:
            yield f"empty {held.what}"

    def _held(self, held: Held) -> None:
        busy = self._busy
        users = busy | (self._users(held.stack) if held.stack else frozenset())
        every = frozenset(f"stack {name}" for name in self._leaving)
        says, bill = held.contents.says, held.contents.bill
        if held.holder.in_network:
            self._add(Step(id=f"export {held.what}", verb="export", what=held.what, held=held, after=busy,
                           why="what its bucket mirrors is written there first"))  # fmt: skip
            self._add(Step(id=f"delete {held.what}", verb="delete", what=held.what, held=held, bill=bill, why=says,
                           after=users | {f"export {held.what}"}))  # fmt: skip
            return
        if held.contents.data and not held.is_key:
            self._add(Step(id=f"empty {held.what}", verb="empty", what=held.what, held=held, bill=bill, why=says,
                           after=users))  # fmt: skip
        if not held.retained:
            return
        after = busy | every | ({f"empty {held.what}"} if held.contents.data and not held.is_key else frozenset())
        if held.is_key:
            # After everything that may be encrypted under it.
            after |= self._strays(*When) | {f"delete {each.what}" for each in self.survey.held
                                            if each.what in self.going and each.retained
                                            and not each.is_key}  # fmt: skip
        self._add(Step(id=f"delete {held.what}", verb="delete", what=held.what, held=held, after=frozenset(after),
                       bill=bill if held.is_key or not held.contents.data else NOTHING,
                       why="can be taken back for 30 days, and bills nothing in them" if held.is_key
                       else "its stack left it behind"))  # fmt: skip


def _id(stray: Stray) -> str:
    return f"beside {stray.what}"


def _companions(template: Mapping[str, object], kept: set[str]) -> tuple[str, ...]:
    """Policies of buckets that are kept: without them a bucket would answer plain HTTP and other accounts."""
    resources = template.get("Resources", {})
    assert isinstance(resources, Mapping)
    buckets = [{"Ref": name} for name in kept]
    return tuple(
        name for name, each in resources.items()
        if each["Type"] == "AWS::S3::BucketPolicy" and each["Properties"].get("Bucket") in buckets
        and not str(each.get("DeletionPolicy", "")).startswith("Retain")
    )  # fmt: skip
