"""`trainyard cluster`: how HyperPod clusters are, what their nodes do, and jobs for them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from trainyard.operations.connection import Connection, connect

app = typer.Typer(no_args_is_help=True, help="HyperPod clusters: their state, their nodes, jobs for their scheduler.")

Named = Annotated[str | None, typer.Option("--cluster", "-c", help="The cluster; the only one where there is one.")]


class Failing(StrEnum):
    """How a node fails."""

    POWER = "power"
    HEALTH = "health"


def _connection(context: typer.Context) -> Connection:
    is_local, cloud = context.obj
    return connect(cloud if is_local else None)


@app.command()
def status(
    context: typer.Context,
    cluster: Named = None,
    last: Annotated[int, typer.Option(help="How many of its last events to show.", min=0, max=100)] = 5,
) -> None:
    """Show the clusters, or one with its groups and last events.

    Events are kept of clusters with continuous provisioning only.

    Example: `trainyard --local cluster status`
    """
    from trainyard.cli.tables import print_table
    from trainyard.operations import clusters

    connection = _connection(context)
    names = clusters.names(connection) if cluster is None else [clusters.choose(connection, cluster)]
    if len(names) != 1:
        rows = [(found.name, found.status, found.orchestrator, found.reason) for found in
                (clusters.describe(connection, name) for name in names)]  # fmt: skip
        print_table(f"no cluster on {connection.name}", ("cluster", "status", "orchestrator", "reason"), rows)
        return
    found = clusters.describe(connection, names[0])
    scheduler = f" ({found.orchestrator})" if found.orchestrator else ""
    typer.echo(f"{found.name}{scheduler}: {found.status}{': ' + found.reason if found.reason else ''}")
    groups = [
        (group.name, group.status, f"{group.current} of {group.target}", group.instance_type, group.node_type.lower())
        for group in found.groups
    ]
    print_table("it has no group", ("group", "status", "nodes", "type", "duty"), groups)
    if found.continuous and last:
        told = [
            (f"{event.time.astimezone():%H:%M:%S}", event.level, event.subject, event.text)
            for event in reversed(clusters.events(connection, found.name, last))
        ]
        print_table("nothing has happened yet", ("time", "level", "what", "event"), told)


@app.command()
def nodes(context: typer.Context, cluster: Named = None) -> None:
    """List the nodes of a cluster.

    Example: `trainyard --local cluster nodes`
    """
    from trainyard.cli.tables import print_table
    from trainyard.operations import clusters

    connection = _connection(context)
    name = clusters.choose(connection, cluster)
    rows = [
        (node.group, node.id, node.status, node.host, f"{node.launched.astimezone():%m-%d %H:%M:%S}",
         " ".join(node.message.split()))
        for node in clusters.nodes(connection, name)
    ]  # fmt: skip
    print_table(f"{name} has no node", ("group", "node", "status", "host", "launched", "message"), rows)


@app.command()
def fail(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="Instance id, logical id or host name.")],
    cluster: Named = None,
    how: Annotated[
        Failing, typer.Option("--how", help="power: it is gone at once; health: it is found faulty while it runs.")
    ] = Failing.POWER,
    reason: Annotated[str, typer.Option(help="What is said to be wrong with it.")] = "",
    after: Annotated[str, typer.Option(help="Time until then, e.g. 20s or 2m.")] = "0s",
) -> None:
    """Let a node of the embedded cloud fail. AWS does that by itself, and not on request.

    Example: `trainyard --local cluster fail i-0123456789abcdef0 --how health --reason XidHardwareFailure`
    """
    from trainyard.cli.parameters import seconds
    from trainyard.operations import clusters, node_faults

    connection = _connection(context)
    delay = seconds(after, "--after")
    if connection.cloud is None:
        node_faults.fail(connection, cluster or "CLUSTER", node, failure=how.value)
    name = clusters.choose(connection, cluster)
    found = node_faults.fail(connection, name, node, failure=how.value, reason=reason, after_seconds=delay)
    when = f"in {delay:g} s" if delay else "now" if found.status == "Running" else f"once it runs: it is {found.status}"
    typer.echo(f"{found.id} ({found.group}) fails {when}; see `trainyard --local cluster nodes -c {name}`")


@app.command()
def submit(
    context: typer.Context,
    job: Annotated[str, typer.Argument(help="Name of a job that the cluster's stack has published.")],
    cluster: Named = None,
    run: Annotated[
        str | None, typer.Option(help="Folder of an earlier submission's checkpoints, to go on from.")
    ] = None,
) -> None:
    """Give a job to the cluster's scheduler.

    Slurm: sbatch on a login node, on AWS through Systems Manager. EKS: the manifest is printed, for kubectl.

    Examples: `trainyard --local cluster submit bytes-lm` · `trainyard cluster submit bytes-lm | kubectl apply -f -`
    """
    from trainyard.operations import clusters, submitting

    connection = _connection(context)
    name = clusters.choose(connection, cluster)
    found = submitting.submit(connection, name, job, run=run)
    if found.manifest:
        typer.echo(found.manifest, nl=not found.manifest.endswith("\n"))
    else:
        typer.echo(f"{found.job} is job {found.number} of {name}, run {found.run} (submitted on {found.node})")
