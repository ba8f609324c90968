"""Who is told what of an environment."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from constructs_lib.lustre import LustreFileSystem
from constructs_lib.operation import EventLog, Notifications, Telling, WatchedPipeline
from constructs_lib.serving.hosted import Hosted
from constructs_lib.storage import Storage
from constructs_lib.training import EcrImage, SpotCapacity
from stacks.base import EnvironmentStack
from stacks.environment import Environment
from stacks.operated import Operation
from stacks.serving import ServingStack
from stacks.training import TrainingStack


class OperationStack(EnvironmentStack):
    """Three topics and the alarms that tell them. Endpoints and clusters are watched by their names alone."""

    def __init__(self, scope: Construct, *, environment: Environment, settings: Operation, storage: Storage) -> None:
        super().__init__(scope, "Operation", environment=environment)
        self._environment, self._settings = environment, settings
        self.notifications = Notifications(
            self, "Notifications", environment=environment.name, removal=environment.removal
        )
        self.events = EventLog(
            self, "Events", name=f"{environment.name}/operation", key=self.notifications.key, days=settings.log_days
        )
        self.telling = self._telling = Telling(
            environment=environment.name, notifications=self.notifications, events=self.events,
            runbooks=settings.runbooks,
        )  # fmt: skip
        self._alarms = Construct(self, "Alarms")
        self._watch_supplies(storage)
        for cluster in environment.clusters:
            assert settings.clusters is not None
            name = environment.cluster_name(cluster.name)
            settings.clusters.bind(self._alarms, cluster.name, name, self._telling)
        pipelines = [f"trainyard-{environment.name}-{one.workload}" for one in environment.trainings]
        for channel in settings.chat:
            channel.bind(self, self.notifications, pipelines)
        for severity, topic in self.notifications.topics.items():
            name = f"{severity.capitalize()}TopicArn"
            self.output(name, topic.topic_arn, "Subscribe to it: nobody is told otherwise")

    def _watch_supplies(self, storage: Storage) -> None:
        images = [training.job_image for training in self._environment.trainings]
        own = {(image.repository, image.tag): image for image in images if isinstance(image, EcrImage)}
        self._settings.supplies.bind(
            self._alarms,
            buckets={name: getattr(storage, name) for name in self._settings.supplies.buckets},
            keys=[storage.key, self.notifications.key],
            images=list(own.values()),
            telling=self._telling,
        )

    def watch_pipelines(self, trainings: Mapping[str, TrainingStack]) -> None:
        """Make the alarms of pipelines, by workload."""
        for promised in self._settings.pipelines:
            for workload in promised.workloads:
                pipeline = WatchedPipeline(
                    workload=workload,
                    name=trainings[workload].name,
                    role_arn=trainings[workload].pipeline.jobs.role_arn,
                    spot=isinstance(self._environment.training(workload).capacity, SpotCapacity),
                )
                promised.bind(self._alarms, pipeline, self._telling)

    def watch_endpoints(self, endpoints: Mapping[str, ServingStack]) -> None:
        """Make the alarms of endpoints, by name."""
        for promised in self._settings.endpoints:
            for name in promised.endpoints:
                hosted = endpoints[name].endpoint.hosted
                for one in hosted:
                    subject = name if len(hosted) == 1 else f"{name}-{_part(one)}"
                    promised.bind(self._alarms, subject, one, self._telling)

    def watch_files(self, files: Mapping[str, LustreFileSystem]) -> None:
        """Make the alarms of file systems, by name."""
        if self._settings.files is not None:
            for name, one in files.items():
                self._settings.files.bind(self._alarms, name, one, self._telling)


def _part(hosted: Hosted) -> str:
    """What tells it from others on its endpoint."""
    return (hosted.component or hosted.variant).removeprefix(f"{hosted.endpoint}-")
