"""`trainyard size`: the smallest instances that a model fits, their hours and their cost."""

from __future__ import annotations

from typing import Annotated

import typer

from trainyard.cli.answering import Html, Json, Region, show


def size(
    model: Annotated[str, typer.Option(help="Its name, e.g. llama-70b.")],
    strategy: Annotated[
        list[str], typer.Option(help="ddp, fsdp, zero-0 to zero-3, tp8, pp4, tp8+pp4+fsdp …; as often as wanted.")
    ],
    on: Annotated[
        str | None, typer.Option(help="TYPE:COUNT: memory of a rank there, in place of a search.", metavar="TYPE:COUNT")
    ] = None,
    sequence_length: Annotated[int | None, typer.Option(help="Tokens a sample.", min=1)] = None,
    micro_batch: Annotated[int, typer.Option(help="Samples a data rank works on at one time.")] = 1,
    global_batch: Annotated[int | None, typer.Option(help="Samples of an optimiser step.")] = None,
    compute: Annotated[str, typer.Option(help="Number format: float32, bfloat16, float16, float8.")] = "bfloat16",
    recompute: Annotated[str, typer.Option(help="Activation checkpointing: none, selective, full.")] = "full",
    tokens: Annotated[float | None, typer.Option(help="Tokens to train on; tells the hours.")] = None,
    mfu: Annotated[float | None, typer.Option(help="Share of the peak that training reaches.")] = None,
    hours: Annotated[float | None, typer.Option(help="Hours of a run, measured, in place of --tokens.")] = None,
    runs_per_month: Annotated[float, typer.Option(help="Runs of a month.")] = 1.0,
    slo_hours: Annotated[float | None, typer.Option(help="In which a run must have succeeded.")] = None,
    failures_per_host_hour: Annotated[float | None, typer.Option(help="Failures of one host an hour.")] = None,
    stall: Annotated[str, typer.Option(help="For which training stands still at a save.")] = "5s",
    restart: Annotated[str, typer.Option(help="From a failure to the first new step.")] = "10m",
    price: Annotated[
        list[str] | None, typer.Option(help="Of an instance-hour, as often as wanted.", metavar="TYPE=AMOUNT")
    ] = None,
    most_hosts: Annotated[int, typer.Option(help="Where the search ends.")] = 64,
    any_network: Annotated[bool, typer.Option("--any-network", help="Take several hosts without EFA, too.")] = False,
    rows: Annotated[int, typer.Option(help="Rows to show.", min=1)] = 8,
    region: Region = "us-east-1",
    as_json: Json = False,
    html: Html = None,
) -> None:
    """The smallest instances that a model fits under a strategy, with hours, retries, checkpoints and cost.

    Examples: `trainyard size --model llama-70b --strategy fsdp` ·
    `trainyard size --model llama-8b --strategy ddp --strategy zero-3 --strategy tp8 --on ml.p4d.24xlarge:2`
    """
    from typing import Literal

    from ml_contract.training.optimization import Compute
    from trainyard.cli.parameters import chosen, seconds
    from trainyard.sizing import names, plan
    from trainyard.sizing.question import Question
    from trainyard.sizing.sized import Wanted, sized

    question = Question(
        name=model, model=names.model(model, sequence_length=sequence_length), strategies=tuple(strategy),
        micro_batch=micro_batch, global_batch=global_batch, most_hosts=most_hosts, any_network=any_network,
        compute=chosen(compute, "--compute", Compute),
        recompute=chosen(recompute, "--recompute", Literal["none", "selective", "full"]),
    )  # fmt: skip
    wanted = Wanted(
        work=plan.Work(hours=hours, tokens=tokens, mfu=plan.MFU if mfu is None else mfu), on=on,
        runs_per_month=runs_per_month, slo_hours=slo_hours, rows=rows, region=region, given=tuple(price or ()),
        failures_per_host_hour=plan.FAILURES_PER_HOST_HOUR if failures_per_host_hour is None
        else failures_per_host_hour,
        stall_seconds=seconds(stall, "--stall"), restart_seconds=seconds(restart, "--restart"),
    )  # fmt: skip
    show(sized(question, wanted), as_json=as_json, html=html)
