"""How an incident is played: bring about, provoke, wait for the alarm, do what the runbook says, check the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_contract.symptoms import Symptom
from trainyard.incidents.alarms import AlarmWatch, Subscriber, topics_of
from trainyard.incidents.incident import Incident
from trainyard.incidents.requirements import (
    refuse_aws,
    require_deployed,
    require_given,
    require_programs,
    require_silent,
)
from trainyard.incidents.runbook import FOLDER, Runbook
from trainyard.incidents.scene import GIVEN, IncidentFailed, Scene
from trainyard.incidents.shell import Ran, Shell
from trainyard.incidents.timeline import Timeline
from trainyard.operations.connection import Connection

_TOLD_SECONDS = 60.0
_PASS_SECONDS = 60.0
_QUIET_MINUTE = 0.1
"""What alarms take for a minute once the end is checked: there is nothing left to be seen but that they end."""
_LEASE_SECONDS = 900.0
"""After this long alarms have their usual minute again, even where the play was killed."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a play ended."""

    incident: Incident
    alarms: tuple[str, ...]
    commands: tuple[Ran, ...]
    findings: tuple[str, ...]
    """What the check of the end found, a line each."""
    timeline: Timeline

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "incident": self.incident.name,
            "environment": self.incident.environment,
            "emulated": True,
            "minute_seconds": self.incident.minute_seconds,
            "alarms": list(self.alarms),
            "commands": [
                {"command": ran.command, "status": ran.status, "seconds": round(ran.seconds, 1), "output": ran.output}
                for ran in self.commands
            ],
            "findings": list(self.findings),
            "timeline": [moment.to_json() for moment in self.timeline.moments],
        }


@dataclass
class Player:
    """Plays incidents and tells of what happens."""

    connection: Connection
    timeline: Timeline
    say: Callable[[str], None] = lambda _: None
    """Tells what is being waited for."""
    show: Callable[[Ran], None] = lambda _: None
    """Takes each command when it has ended."""
    runbooks: Path = FOLDER
    """Where the runbooks are."""

    def play(self, incident: Incident) -> Outcome:
        """Play an incident to its end. Whatever happens, faults are taken back.

        Raises:
            OperationError: It is AWS, or what the incident needs is not there; nothing was provoked.
            IncidentFailed: The alarm did not fire, a command failed, or the end is not as it must be.
        """
        refuse_aws(self.connection)
        runbook = Runbook.read(incident.name, self.runbooks)
        require_given(runbook, {*GIVEN, *incident.variables})
        with Scene(connection=self.connection, environment=incident.environment, say=self.say) as scene:
            require_deployed(incident, scene)
            require_programs(runbook)
            alarms = incident.alarms
            watch = AlarmWatch(scene, alarms)
            topics = [*topics_of(watch, alarms), *(scene.topic(notice.severity) for notice in incident.notices)]
            subscriber = Subscriber(scene, sorted(set(topics)))
            self._shorten(scene, incident.minute_seconds)
            require_silent(watch)
            scene.afterwards(lambda: self._let_pass(scene, watch))
            incident.prepare(scene)
            self.timeline.note("prepared", incident.summary)
            watch.begin()
            incident.provoke(scene)
            self.timeline.note("provoked", incident.name)
            for symptom, alarm in zip(incident.symptoms, alarms, strict=True):
                self._fires(scene, watch, subscriber, incident, symptom, alarm)
            for symptom in incident.notices:
                self._hears(scene, subscriber, incident, symptom)
            commands = self._recover(scene, runbook)
            self.say("checking the end")
            findings = incident.check(scene)
            for finding in findings:
                self.timeline.note("checked", finding)
            if incident.quiet_seconds:
                self._shorten(scene, _QUIET_MINUTE)
                scene.wait(watch.silent, incident.quiet_seconds, f"{', '.join(alarms)} to be OK again")
                self.timeline.note(
                    "ok", f"{', '.join(alarms)} not in ALARM any more (a minute took {_QUIET_MINUTE:g} s for that)"
                )
        self.timeline.note("cleared", "no fault is left")
        return Outcome(
            incident=incident,
            alarms=alarms,
            commands=tuple(commands),
            findings=tuple(findings),
            timeline=self.timeline,
        )

    def _shorten(self, scene: Scene, seconds: float) -> None:
        if seconds == 60.0:
            return
        scene.cloud.call("SetMinute", Seconds=seconds, ForSeconds=_LEASE_SECONDS)
        scene.afterwards(lambda: scene.cloud.call("SetMinute", Seconds=0.0))

    def _let_pass(self, scene: Scene, watch: AlarmWatch) -> None:
        """After a play that did not come to its end: what it raised is over, too, for whoever plays next."""
        if watch.silent():
            return
        try:
            scene.cloud.call("SetMinute", Seconds=_QUIET_MINUTE, ForSeconds=_LEASE_SECONDS)
            scene.wait(watch.silent, _PASS_SECONDS, "alarms to be OK again")
        finally:
            scene.cloud.call("SetMinute", Seconds=0.0)

    def _fires(
        self, scene: Scene, watch: AlarmWatch, subscriber: Subscriber, incident: Incident, symptom: Symptom, alarm: str
    ) -> None:
        provoked = time.monotonic()
        try:
            scene.wait(lambda: alarm in watch.fired(), incident.alarm_seconds, f"{alarm} to fire")
        except IncidentFailed:
            raise IncidentFailed(
                f"{alarm}: it did not fire within {incident.alarm_seconds:.0f} s, it is {watch.states().get(alarm)}"
            ) from None
        self.timeline.note(
            "alarm", f"{alarm} in ALARM after {time.monotonic() - provoked:.1f} s: {watch.reason(alarm)}"
        )
        topic = scene.wait(lambda: subscriber.told(alarm), _TOLD_SECONDS, f"a topic to tell of {alarm}")
        if topic != f"trainyard-{incident.environment}-{symptom.severity}":
            raise IncidentFailed(f"{alarm}: {topic} told of it, but {symptom.name} is {symptom.severity}")
        self.timeline.note("told", f"{topic} told its subscribers")

    def _hears(self, scene: Scene, subscriber: Subscriber, incident: Incident, symptom: Symptom) -> None:
        name = symptom.alarm(incident.environment, incident.subject)
        topic = f"trainyard-{incident.environment}-{symptom.severity}"
        scene.wait(lambda: topic in subscriber.heard(name), incident.alarm_seconds, f"{topic} to tell of {name}")
        self.timeline.note("told", f"{topic} told its subscribers of {name}")

    def _recover(self, scene: Scene, runbook: Runbook) -> list[Ran]:
        require_given(runbook, set(scene.variables))
        done = []
        with Shell(scene.cloud.environment() | scene.variables) as shell:
            for command in runbook.commands:
                self.say(command.splitlines()[0])
                ran = shell.run(command)
                self.timeline.note("command", command.splitlines()[0].removesuffix("\\").strip())
                self.show(ran)
                done.append(ran)
                if ran.status:
                    last = ran.output.splitlines()[-1:] or ["it printed nothing"]
                    raise IncidentFailed(
                        f"docs/runbooks/{runbook.name}.md: `{command}` ended with status {ran.status}: {last[0]}"
                    )
        return done
