"""`make demo`: deploy, train on two hosts, survive a reclaim, register, serve, report."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ml_contract.errors import ContractError
from trainyard.demo import runs, serving
from trainyard.demo.stage import CheckFailed, Stages, check
from trainyard.local.cloud import DEFAULT_PORT, DEFAULT_STATE, Cloud, CloudError
from trainyard.local.deploy import CdkCli
from trainyard.local.readback import check_deployment
from trainyard.operations import evaluation
from trainyard.operations.connection import OperationError, connect
from trainyard.report.data import Latencies
from trainyard.report.write import write_report

TRAINING, SERVING = "trainyard-local-training-bytes-lm", "trainyard-local-serving-bytes-lm"
CATALOGUE = "trainyard-local-serving-catalogue"
STACKS = ["Local/**"]


def main() -> None:
    """Run every stage; leave with status 1 and one line when a check fails."""
    arguments = _arguments()
    console = Console(highlight=False)
    began = time.monotonic()
    try:
        _demo(console, Cloud(state=arguments.state, port=arguments.port), arguments)
    except (CheckFailed, CloudError, OperationError, ContractError) as failure:
        console.print(f"  [red]✗[/] {failure}", markup=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("\ninterrupted; the embedded cloud goes on: `trainyard local down` stops it, `make demo` goes on")
        sys.exit(130)
    console.print(f"\n[bold green]everything held[/] in {time.monotonic() - began:.0f} s")
    console.print("next: `.venv/bin/trainyard --help`, `make clean` leaves no process and no file")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m trainyard.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port of the embedded cloud on 127.0.0.1")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="folder of its state")
    parser.add_argument("--report", type=Path, default=Path("out/report.html"), help="the page that is written")
    parser.add_argument("--assembly", type=Path, help="a cloud assembly; without it the app is synthesised")
    parser.add_argument("--steps", type=int, help="of each training; with too few the model does not beat its baseline")
    return parser.parse_args()


def _demo(console: Console, cloud: Cloud, arguments: argparse.Namespace) -> None:
    stages = Stages(console)
    cli = CdkCli.on(cloud, arguments.assembly)
    report: Path = arguments.report
    steps: int | None = arguments.steps

    with stages("Embedded cloud") as stage, console.status("starting"):
        status = cloud.up()
        stage.shown = f"the cloud answers on 127.0.0.1:{status.port} alone, process {status.pid}"
    connection = connect(cloud)

    with stages("Deploy with the real CDK CLI") as stage, console.status("synthesising") as status_line:
        if arguments.assembly is None:
            cli.synth()
        status_line.update("bootstrapping")
        cli.bootstrap()
        status_line.update("deploying")
        changed = cli.deploy(STACKS)
        if changed:
            status_line.update("deploying again")
            check(not cli.deploy(STACKS), "the second deploy of the same assembly changed something")
        status_line.update("reading back")
        stage.shown = f"a second deploy reports no changes; {check_deployment(cloud, cli.output, STACKS)}"
    pipeline = serving.outputs(connection, TRAINING)["PipelineName"]

    with stages("Train on two hosts, undisturbed") as stage:
        undisturbed = runs.run(connection, console, pipeline, reclaimed=False, steps=steps)
        losses = undisturbed.training.losses()
        first, last = losses[min(losses)][0], losses[max(losses)][0]
        stage.shown = f"{len(losses)} steps, loss {first:.3f} → {last:.3f} nats a byte"

    with stages("Train again and reclaim the spot hosts in the middle") as stage:
        reclaimed = runs.run(connection, console, pipeline, reclaimed=True, steps=steps)
        stage.shown = runs.compare(undisturbed.training, reclaimed.training)

    with stages("Evaluate on held-out files and register") as stage:
        figures = evaluation.read(connection, reclaimed.execution)
        beside = evaluation.read(connection, undisturbed.execution)
        same = all(figures[name] == beside[name] for name in ("bits_per_byte", "heldout_digest"))
        check(same, "the two runs' models score differently on the same held-out text")
        stage.shown = (
            f"{figures['bits_per_byte']:.3f} bits per byte on held-out files, order-0 entropy "
            f"{figures['order0_bits_per_byte']:.3f}, xz {figures['xz_bits_per_byte']:.3f}; "
            f"registered as {reclaimed.package.rpartition(':model-package/')[2]}"
        )

    with stages("Serve the registered package on a real Triton") as stage:
        with console.status("approving and deploying"):
            endpoint = serving.deploy(connection, cli, reclaimed.package, SERVING, lambda _line: None)
        served = serving.ask(connection, endpoint)
        console.print(f"  after {serving.PROMPT.decode()!r} comes {served.candidates}", markup=False)
        console.print(f"  {served.text!r}", markup=False)
        stage.shown = (
            f"{endpoint} answered {len(served.seconds)} requests through invoke_endpoint, "
            f"median {_median(served.seconds)} ms"
        )

    with stages("Serve every packed model from one endpoint") as stage:
        endpoint = serving.outputs(connection, CATALOGUE)["EndpointName"]
        both = [undisturbed.package, reclaimed.package]
        found = serving.ask_catalogue(connection, endpoint, both)
        stage.shown = (
            f"{endpoint} loaded {' and '.join(found.models)} when they were asked for, median "
            f"{_median(found.first)} ms, then {_median(found.second)} ms; both answer the same"
        )

    with stages("Report") as stage:
        arns = [undisturbed.execution.arn, reclaimed.execution.arn]
        stage.shown = write_report(
            connection, arns, report, Latencies(endpoint=served.endpoint, seconds=served.seconds)
        )


def _median(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f}"


if __name__ == "__main__":
    main()
