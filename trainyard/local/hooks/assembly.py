"""Puts the daemon together: hooks, our services, persistence."""

from __future__ import annotations

import asyncio
import time

from ministack import app

from trainyard.local import autoscaling, budgets, cloudformation, lustre, sagemaker
from trainyard.local.api.service import Context, Service
from trainyard.local.api.store import Store
from trainyard.local.cloud import ACCOUNT, REGION
from trainyard.local.clusters import slurm_packages
from trainyard.local.clusters.commands import NodeCommands
from trainyard.local.clusters.documents import CLUSTER
from trainyard.local.clusters.operations import Clusters
from trainyard.local.databases import Databases
from trainyard.local.databases.packages import layer_beside
from trainyard.local.faults import Faults
from trainyard.local.faults.model import FAULTS_MODEL
from trainyard.local.faults.operations import FaultOperations
from trainyard.local.hooks import (
    announcing,
    container_registry,
    emulator,
    iam_checks,
    references,
    sagemaker_access,
    sessions,
)
from trainyard.local.hooks.alarms import Alarms
from trainyard.local.hooks.cloudwatch import InProcess
from trainyard.local.hooks.databases import DatabaseInstances
from trainyard.local.hooks.gateway import Gateway
from trainyard.local.hooks.health import Health
from trainyard.local.hooks.package_events import Announcing
from trainyard.local.hooks.persistence import Persistence
from trainyard.local.hooks.publishing import publish
from trainyard.local.hooks.role_clients import clients_of
from trainyard.local.hooks.routing import Invoke, json_service, register
from trainyard.local.hooks.s3_faults import S3Faults
from trainyard.local.hooks.s3_metrics import S3Metrics
from trainyard.local.hooks.snapshots import Snapshots
from trainyard.local.hooks.state_machines import PRINCIPAL as STATES
from trainyard.local.hooks.state_machines import StateMachines
from trainyard.local.hosting import Hosting
from trainyard.local.hosting.servers_described import Servers
from trainyard.local.options import Options
from trainyard.local.platform import LocalPlatform

assert app.AUTH, "the emulator was imported before its settings were in place"


class Assembly:
    """The daemon's parts."""

    def __init__(self, options: Options) -> None:
        """Installs every hook and builds every service of our own.

        Raises:
            StateError: what an earlier run kept cannot be read.
        """
        self._options = options
        started = time.time()
        store = Store(options.state / "trainyard.db")
        obstacle = "the cloud runs with --isolation processes" if options.isolation == "processes" else ""
        layer = layer_beside(slurm_packages.default_folder())
        self._databases = Databases(options.state / "databases", layer, obstacle=obstacle)
        self._instances = DatabaseInstances(self._databases)
        faults = Faults(store)

        def exists(kind: str, name: str) -> bool:
            # File systems and servers of databases are this cloud's own.
            match kind:
                case "lustre":
                    return lustre.is_mountable(store, name)
                case "database":
                    return self._instances.find(name) is not None
            return references.exists(kind, name)

        self._platform = LocalPlatform(options.endpoint_url, REGION, assume=sessions.assume, exists=exists)
        context = Context(
            store=store,
            platform=self._platform,
            state=options.state,
            account=ACCOUNT,
            region=REGION,
            faults=faults,
            environments=options.environments,
            isolation=options.isolation,
            grace_seconds=options.grace_seconds,
            minute_seconds=options.minute_seconds,
            budget_seconds=options.budget_seconds,
            announce=announcing.announce,
            measure=InProcess().measure,
            missing=container_registry.missing,
            databases=self._instances.find,
        )
        self._requests = S3Metrics(store)
        self._alarms = Alarms(options.minute_seconds)
        emulator.install(
            store, self._instances, self._requests, self._alarms, secure_transport=not options.plain_transport
        )
        sagemaker_access.name_clusters(lambda name: (store.get(CLUSTER, name) or {}).get("ClusterArn"))
        self._persistence = Persistence(Snapshots(options.state / "emulator"), options.snapshot_seconds)
        self._persistence.verify()
        self._persistence.install()
        self._sagemaker = sagemaker.build(context)
        check = json_service(Announcing(self._sagemaker), iam_checks.check, _invoke(self._sagemaker))
        register("sagemaker", target="SageMaker.", handler=check)
        mine = json_service(
            Service(
                FAULTS_MODEL,
                FaultOperations(faults),
                self._alarms,
                *_servers(self._sagemaker),
                *_commands(self._sagemaker),
            ),
            iam_checks.check_administrator,
        )
        register("trainyard", target="Trainyard.", handler=mine)
        endpoint = options.endpoint_url
        StateMachines(clients_of(STATES, "StatesExecution", endpoint_url=endpoint)).install()
        self._autoscaling = autoscaling.build(context, self._sagemaker, InProcess())
        register(
            autoscaling.NAME,
            target=autoscaling.TARGET_PREFIX,
            handler=json_service(self._autoscaling, lambda *_: None),
        )
        file_systems = lustre.build(context)
        register(lustre.NAME, target=lustre.TARGET_PREFIX, handler=json_service(file_systems, lambda *_: None))
        self._budgets = budgets.build(
            context,
            self._sagemaker,
            publish=self._publish_for_budgets,
            role_client=clients_of(budgets.PRINCIPAL, "BudgetAction", endpoint_url=endpoint),
        )
        register(budgets.NAME, target=budgets.TARGET_PREFIX, handler=json_service(self._budgets, lambda *_: None))
        cloudformation.register(
            {
                "sagemaker": self._sagemaker,
                autoscaling.NAME: self._autoscaling,
                lustre.NAME: file_systems,
                budgets.NAME: self._budgets,
            }
        )
        health = Health(self._sagemaker, options, started=started)
        self.application = Gateway(health.told, self._persistence.touched, S3Faults(faults), self._requests.measured)

    async def run(self) -> None:
        """Picks up what was running before, then keeps what changes, until cancelled."""
        # The emulator restores its services while it starts: jobs look up roles and buckets in them.
        await self.application.ready.wait()
        container_registry.publish(ACCOUNT, REGION, self._options.environments)
        await asyncio.to_thread(self._instances.start)
        await asyncio.to_thread(self._sagemaker.start)
        await asyncio.to_thread(self._autoscaling.start)
        await asyncio.to_thread(self._budgets.start)
        await asyncio.gather(self._alarms.run(), self._persistence.run())

    def stop(self) -> None:
        """Ends what the families started."""
        self._budgets.stop()
        self._autoscaling.stop()
        self._sagemaker.stop()
        self._databases.close()
        self._platform.close()

    @staticmethod
    def _publish_for_budgets(topic: str, subject: str, message: str) -> None:
        source = f"arn:aws:budgets::{ACCOUNT}:budget/*"
        publish(topic, subject, message, service=budgets.PRINCIPAL, source=source, account=ACCOUNT)


def _servers(service: Service) -> list[Servers]:
    """What describes the servers of the family that hosts endpoints."""
    return [Servers(family.serving) for family in service.families if isinstance(family, Hosting)]


def _commands(service: Service) -> list[NodeCommands]:
    """What runs programs on nodes of the family that has clusters."""
    return [NodeCommands(family) for family in service.families if isinstance(family, Clusters)]


def _invoke(service: Service) -> Invoke | None:
    """What the family that hosts endpoints answers invocations with."""
    return next((family.invoke for family in service.families if hasattr(family, "invoke")), None)
