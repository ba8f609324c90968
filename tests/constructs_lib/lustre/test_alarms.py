"""What is watched of each kind of file system."""

import itertools
from collections.abc import Callable

import pytest
from lustre_scenes import World

from constructs_lib.lustre import LustreFileSystem
from constructs_lib.operation import EventLog, FileAlarms, MirrorAlarms, Notifications, Telling

PROMISED = FileAlarms(left_percent=20, mirror=MirrorAlarms(behind_minutes=10, failures=3))
Watch = Callable[[str], dict[str, tuple[str, float]]]


@pytest.fixture(scope="module")
def watch(world: World, made: dict[str, LustreFileSystem]) -> Watch:
    """Alarms of one file system: metric and threshold by the name within the environment."""
    from constructs import Construct

    notifications = Notifications(world.stack, "Told", environment="test", removal=world.removal)
    events = EventLog(world.stack, "Events", name="test/operation", key=notifications.key, days=1)
    telling = Telling(environment="test", notifications=notifications, events=events, runbooks="docs/runbooks")
    count = itertools.count()

    def watched(name: str) -> dict[str, tuple[str, float]]:
        scope = Construct(world.stack, f"Alarms{next(count)}")
        PROMISED.bind(scope, name.lower(), made[name], telling)
        return {one.alarm_name.removeprefix("trainyard-test-"): (one.metric_name, one.threshold)
                for one in scope.node.children}  # fmt: skip

    return watched


def test_a_mirror_is_watched_on_both_ways_and_by_its_failures(watch: Watch) -> None:
    assert watch("Fast") == {
        "fast-files-full": ("FreeDataStorageCapacity", 960 * 2**30),
        "fast-import-mirror-behind": ("AgeOfOldestQueuedMessage", 600),
        "fast-export-mirror-behind": ("AgeOfOldestQueuedMessage", 600),
        "fast-mirror-failed": ("IncomingLogEvents", 3),
    }


def test_without_a_mirror_the_capacity_alone_is_watched(watch: Watch) -> None:
    assert watch("Scratch") == {"scratch-files-full": ("FreeDataStorageCapacity", 240 * 2**30)}


def test_what_grows_by_itself_is_never_full(watch: Watch) -> None:
    assert watch("Elastic") == {}
