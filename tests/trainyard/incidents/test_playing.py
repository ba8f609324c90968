"""How an incident is played: a small one, on a stack with nothing but topics and an alarm."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ports import free_port

from ml_contract.symptoms import QUOTA, Symptom
from trainyard.incidents.catalogue import INCIDENTS, incident
from trainyard.incidents.incident import Incident
from trainyard.incidents.playing import Player
from trainyard.incidents.runbook import SECTIONS
from trainyard.incidents.scene import IncidentFailed, Scene, require
from trainyard.incidents.timeline import Timeline
from trainyard.local.cloud import Cloud
from trainyard.operations.connection import Connection, OperationError, connect

pytestmark = pytest.mark.slow


class Small(Incident):
    """A figure is too high until a file says otherwise."""

    name: ClassVar[str] = "small"
    summary: ClassVar[str] = "a figure is too high"
    environment: ClassVar[str] = "test"
    symptoms: ClassVar[tuple[Symptom, ...]] = (QUOTA,)
    subject: ClassVar[str] = "warned"
    stacks: ClassVar[tuple[str, ...]] = ()
    variables: ClassVar[tuple[str, ...]] = ("PLACE",)
    alarm_seconds: ClassVar[float] = 60.0

    def __init__(self, place: Path, value: float = 5.0) -> None:
        self.place, self.value = place, value

    def provoke(self, scene: Scene) -> None:
        scene.variables["PLACE"] = str(self.place)
        scene.fault("S3Error", Bucket="nobodys")
        data = [{"MetricName": self.alarms[0], "Value": self.value}]
        scene.client("cloudwatch").put_metric_data(Namespace="Test", MetricData=data)

    def check(self, scene: Scene) -> list[str]:
        require(self.place.exists(), f"{self.place}: nobody has made it")
        return ["it is there"]


class Mistold(Small):
    """Its alarm tells a topic of another severity."""

    subject: ClassVar[str] = "mistold"


class Impatient(Small):
    """Its alarm has little time."""

    alarm_seconds: ClassVar[float] = 3.0


class Interrupted(Small):
    """Whoever plays has enough of it."""

    def check(self, scene: Scene) -> list[str]:
        raise KeyboardInterrupt


class Unwatched(Small):
    """Nobody has made its alarm."""

    subject: ClassVar[str] = "unwatched"


def template() -> dict[str, Any]:
    def alarm(subject: str, severity: str) -> dict[str, Any]:
        name = QUOTA.alarm("test", subject)
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": name, "Namespace": "Test", "MetricName": name, "Statistic": "Maximum", "Period": 60,
                "EvaluationPeriods": 1, "Threshold": 3, "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching", "AlarmActions": [{"Ref": severity.capitalize()}],
            },
        }  # fmt: skip

    topics = {
        severity.capitalize(): {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": f"trainyard-test-{severity}"},
        }
        for severity in ("warning", "critical")
    }
    alarms = {"Warned": alarm("warned", "warning"), "Mistold": alarm("mistold", "critical")}
    return {"Resources": {**topics, **alarms}}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A cloud with nothing on it, until `deployed` is asked for."""
    cloud = Cloud(tmp_path_factory.mktemp("incidents"), free_port())
    cloud.up()
    try:
        yield connect(cloud)
    finally:
        cloud.down()


@pytest.fixture(scope="module")
def deployed(empty: Connection) -> Connection:
    client = empty.client("cloudformation")
    client.create_stack(StackName="trainyard-test-operation", TemplateBody=json.dumps(template()))
    client.get_waiter("stack_create_complete").wait(
        StackName="trainyard-test-operation", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    return empty


@pytest.fixture
def play(deployed: Connection, tmp_path: Path):
    """Plays an incident by a runbook with these commands."""

    def run(chosen: Incident, *commands: str) -> Timeline:
        blocks = dict.fromkeys(SECTIONS, "text") | {
            "Commands": "```console\n" + "".join(f"$ {command}\n" for command in commands) + "```"
        }
        page = "# Small\n\n" + "\n\n".join(f"## {heading}\n\n{text}" for heading, text in blocks.items())
        (tmp_path / "small.md").write_text(page + "\n")
        timeline = Timeline()
        Player(deployed, timeline, runbooks=tmp_path).play(chosen)
        return timeline

    return run


def left(connection: Connection) -> tuple[int, int, int]:
    """Faults, queues and subscriptions that are left."""
    assert connection.cloud is not None
    return (
        len(connection.cloud.call("ListFaults")["Faults"]),
        len(connection.client("sqs").list_queues().get("QueueUrls", [])),
        len(connection.client("sns").list_subscriptions()["Subscriptions"]),
    )


def state(connection: Connection) -> str:
    """Of the alarm of what is played."""
    name = Small(Path()).alarms[0]
    (alarm,) = connection.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


def test_nothing_is_deployed(empty: Connection) -> None:
    # Before `deployed` is asked for.
    with pytest.raises(OperationError, match=r"trainyard-local-operation: the incident spot-storm is played on it, but"
                       r" it is not deployed\. Deploy it with `trainyard local deploy`"):  # fmt: skip
        Player(empty, Timeline()).play(incident("spot-storm"))


@pytest.mark.parametrize("kind", INCIDENTS, ids=lambda kind: kind.name)
def test_no_incident_is_played_on_aws(kind: type[Incident]) -> None:
    with pytest.raises(OperationError, match="never on AWS"):
        Player(Connection(None), Timeline()).play(kind())


def test_an_incident_goes_from_its_alarm_over_the_commands_to_its_end(play, deployed: Connection, tmp_path) -> None:
    timeline = play(Small(tmp_path / "made"), 'NAME="$PLACE"', 'touch "$NAME"')
    kinds = [moment.kind for moment in timeline.moments]
    assert kinds == [
        "prepared", "provoked", "alarm", "told", "command", "command", "checked", "ok", "cleared",
    ]  # fmt: skip
    assert left(deployed) == (0, 0, 0)
    assert state(deployed) == "OK"


def test_it_can_be_played_again_at_once(play, tmp_path: Path) -> None:
    assert play(Small(tmp_path / "made"), 'touch "$PLACE"').first("cleared") is not None


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (("true", "no-such-program"), r"small\.md: `no-such-program` ended with status 127"),
        (('echo "$NOT_GIVEN"',), r"its commands want \$NOT_GIVEN, which the incident does not give"),
        (("true",), "nobody has made it"),
    ],
)
def test_a_runbook_that_is_wrong_fails(play, deployed: Connection, tmp_path: Path, commands, message) -> None:
    with pytest.raises(IncidentFailed, match=message):
        play(Small(tmp_path / "made"), *commands)
    assert left(deployed) == (0, 0, 0)


def test_an_alarm_that_does_not_fire_is_a_failure(play, deployed: Connection, tmp_path: Path) -> None:
    with pytest.raises(IncidentFailed, match="trainyard-test-warned-quota: it did not fire within 3 s, it is OK"):
        play(Impatient(tmp_path / "made", value=1.0), 'touch "$PLACE"')


def test_an_alarm_that_is_raised_already_is_looked_at_first(play, deployed: Connection, tmp_path: Path) -> None:
    data = [{"MetricName": "trainyard-test-warned-quota", "Value": 5.0}]
    deployed.client("cloudwatch").put_metric_data(Namespace="Test", MetricData=data)
    with pytest.raises(
        OperationError, match="trainyard-test-warned-quota: it is in ALARM before anything was provoked"
    ):
        play(Small(tmp_path / "made"), 'touch "$PLACE"')
    assert deployed.cloud is not None
    deployed.cloud.call("SetMinute", Seconds=0.05)
    deadline = time.monotonic() + 60
    while state(deployed) != "OK":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    deployed.cloud.call("SetMinute", Seconds=0.0)


def test_the_wrong_topic_is_a_failure(play, tmp_path: Path) -> None:
    with pytest.raises(IncidentFailed, match="trainyard-test-critical told of it, but quota is warning"):
        play(Mistold(tmp_path / "made"), 'touch "$PLACE"')


def test_an_alarm_that_is_not_there_is_named_before_anything_is_provoked(play, tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="trainyard-test-unwatched-quota: there is no such alarm"):
        play(Unwatched(tmp_path / "made"), "true")


def test_what_was_injected_is_taken_back_after_an_interruption(play, deployed: Connection, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        play(Interrupted(tmp_path / "made"), "true")
    assert left(deployed) == (0, 0, 0)
