"""`trainyard whatif`: what another choice of capacity would cost. Nothing is asked of a cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.cli import whatif_serving
from trainyard.cli.answering import Html, Json, Month, Region, show
from trainyard.whatif.price import HOURS_PER_MONTH

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""What another choice would cost: spot, savings plans, serving, scaling, warm pools.

    Prices are given, or read from the table of a region; every answer says which, and of which day.""",
)
app.command("multi-model")(whatif_serving.multi_model)
app.command()(whatif_serving.serverless)
app.command("scale-to-zero")(whatif_serving.scale_to_zero)

Type = Annotated[str | None, typer.Option(help="Type whose price is read from the table, e.g. ml.p4d.24xlarge.")]

_SPOT = {"interval_seconds": "--interval", "per_hour": "--interruptions-per-hour"}


@app.command()
def spot(
    hours: Annotated[float, typer.Option(help="Work of the run without saves and interruptions, hours.")],
    interruptions_per_hour: Annotated[float, typer.Option(help="Of one instance: 0.01 is one in 100 hours.")],
    instances: Annotated[int, typer.Option(help="Instances; any one that goes stops the job.")] = 1,
    instance_type: Type = None,
    price: Annotated[float | None, typer.Option(help="On demand, of an instance-hour.")] = None,
    spot_price: Annotated[float | None, typer.Option(help="On spot, of an instance-hour.")] = None,
    interval: Annotated[str, typer.Option(help="Work between two checkpoints.")] = "420s",
    stall: Annotated[str, typer.Option(help="For which training stands still at a save.")] = "5s",
    commit: Annotated[str, typer.Option(help="From there to the commit, beside training.")] = "60s",
    restart: Annotated[str, typer.Option(help="From instances to the first step, of every start.")] = "5m",
    wait: Annotated[str, typer.Option(help="Mean time without instances after an interruption.")] = "10m",
    within: Annotated[str | None, typer.Option(help="When the run must have ended, e.g. 24h.")] = None,
    runs: Annotated[int, typer.Option(help="Runs to simulate.")] = 5000,
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = 0,
    region: Region = "us-east-1",
    as_json: Json = False,
    html: Html = None,
) -> None:
    """Spot with interruptions and checkpoints against on demand: expected, and simulated.

    Example: `trainyard whatif spot --hours 8 --instance-type ml.p4d.24xlarge --interruptions-per-hour 0.05`
    """
    from ml_contract.checks import between
    from ml_contract.sizing.interruptions import InterruptedRun
    from trainyard.cli.parameters import seconds, typed_as
    from trainyard.whatif.listed import Source
    from trainyard.whatif.spot import answer
    from trainyard.whatif.spot_question import Spot

    source = Source(region=region)
    between("--hours", hours, 0, 10 * 8760, open_low=True)
    between("--interruptions-per-hour", interruptions_per_hour, 0, 3600)
    with typed_as(_SPOT):
        run = InterruptedRun(
            work_seconds=hours * 3600, interval_seconds=seconds(interval, "--interval"),
            stall_seconds=seconds(stall, "--stall"), commit_seconds=seconds(commit, "--commit"),
            restart_seconds=seconds(restart, "--restart"), wait_seconds=seconds(wait, "--wait"),
            per_hour=interruptions_per_hour * instances,
        )  # fmt: skip
    question = Spot(
        run=run, instances=instances, runs=runs, seed=seed,
        on_demand=source.instance(price, "--price", instance_type, usage="training"),
        spot=source.spot(spot_price, "--spot-price", instance_type),
        deadline_seconds=None if within is None else seconds(within, "--within"),
    )  # fmt: skip
    show(answer(question), as_json=as_json, html=html)


@app.command()
def savings(
    instance_type: Type = None,
    usage: Annotated[str, typer.Option(help="What it is hired for: training, hosting, processing …")] = "training",
    price: Annotated[float | None, typer.Option(help="On demand, of an instance-hour.")] = None,
    one_year_price: Annotated[float | None, typer.Option(help="Of an hour under a plan of 1 year.")] = None,
    three_year_price: Annotated[float | None, typer.Option(help="Of an hour under a plan of 3 years.")] = None,
    load: Annotated[str, typer.Option(help="Instances needed over a day, HOURSh:COUNT,…")] = "24h:1",
    hours_per_month: Month = HOURS_PER_MONTH,
    region: Region = "us-east-1",
    as_json: Json = False,
    html: Html = None,
) -> None:
    """From which use on a savings plan pays, and for how many instances of a load to commit.

    Example: `trainyard whatif savings --instance-type ml.g5.xlarge --usage hosting --load 6h:10,12h:2,6h:1`
    """
    from trainyard.cli.parameters import chosen
    from trainyard.cost.prices import Usage
    from trainyard.whatif.listed import Source
    from trainyard.whatif.load import read_load
    from trainyard.whatif.savings import Plan, Savings, answer

    source, use = Source(region=region), chosen(usage, "--usage", Usage)
    one = source.savings(one_year_price, "--one-year-price", instance_type, years=1, usage=use)
    three = source.savings(three_year_price, "--three-year-price", instance_type, years=3, usage=use)
    plans = (Plan(years=1, price=one), Plan(years=3, price=three))
    question = Savings(
        on_demand=source.instance(price, "--price", instance_type, usage=use),
        plans=plans, load=read_load(load), hours_per_month=hours_per_month,
    )  # fmt: skip
    show(answer(question), as_json=as_json, html=html)


@app.command()
def autoscaling(
    per_instance: Annotated[float, typer.Option(help="Requests a minute that one instance answers.")],
    trace: Annotated[
        Path | None, typer.Option(help="CSV with the columns time and requests, a row a minute.", dir_okay=False)
    ] = None,
    instance_type: Type = None,
    price: Annotated[float | None, typer.Option(help="Of an instance-hour.")] = None,
    minimum: Annotated[int, typer.Option(help="Fewest instances.")] = 1,
    maximum: Annotated[int, typer.Option(help="Most instances.")] = 10,
    schedule: Annotated[str | None, typer.Option(help="A schedule to compare with, HOURSh:COUNT,… (UTC)")] = None,
    start: Annotated[str, typer.Option(help="Until a new instance serves.")] = "5m",
    hours_per_month: Month = HOURS_PER_MONTH,
    region: Region = "us-east-1",
    as_json: Json = False,
    html: Html = None,
) -> None:
    """Target tracking over traffic against the peak all day; without a trace: 6 h at 10, 12 h at 2, 6 h at 1 instances.

    What deployed policies would do, `trainyard scaling simulate` says.

    Example: `trainyard whatif autoscaling --per-instance 100 --price 0.828`
    """
    from trainyard.cli.parameters import seconds
    from trainyard.scaling.trace import built_in_day, read_trace
    from trainyard.whatif.autoscaling import Autoscaling, answer
    from trainyard.whatif.listed import Source
    from trainyard.whatif.load import read_load

    question = Autoscaling(
        trace=read_trace(trace) if trace else built_in_day(per_instance), per_instance=per_instance,
        minimum=minimum, maximum=maximum, start_seconds=seconds(start, "--start"), hours_per_month=hours_per_month,
        schedule=read_load(schedule) if schedule else None,
        price=Source(region=region).instance(price, "--price", instance_type, usage="hosting"),
    )  # fmt: skip
    show(answer(question), as_json=as_json, html=html)


@app.command("warm-pool")
def warm_pool(
    gap: Annotated[str, typer.Option(help="From the end of a job to the next one, on average.")],
    jobs_per_day: Annotated[float, typer.Option(help="Jobs of a day.")],
    keep_alive: Annotated[str, typer.Option(help="For which instances are kept, up to 6h.")] = "30m",
    regular: Annotated[bool, typer.Option("--regular", help="The gap is always the same, not random.")] = False,
    cold: Annotated[str, typer.Option(help="From sending a job to its first step, new instances.")] = "8m",
    warm: Annotated[str, typer.Option(help="The same on kept instances.")] = "1m",
    instances: Annotated[int, typer.Option(help="Instances of a job.")] = 1,
    instance_type: Type = None,
    price: Annotated[float | None, typer.Option(help="Of an instance-hour.")] = None,
    waiting_price: Annotated[float | None, typer.Option(help="Of an hour of who waits for a start.")] = None,
    region: Region = "us-east-1",
    as_json: Json = False,
    html: Html = None,
) -> None:
    """Keeping instances between training jobs against starting anew.

    Example: `trainyard whatif warm-pool --gap 15m --jobs-per-day 20 --instance-type ml.g5.xlarge --waiting-price 80`
    """
    from trainyard.cli.parameters import seconds
    from trainyard.whatif.listed import Source
    from trainyard.whatif.price import given
    from trainyard.whatif.warm_pool import WarmPool, answer

    question = WarmPool(
        gap_seconds=seconds(gap, "--gap"), regular=regular, keep_alive_seconds=seconds(keep_alive, "--keep-alive"),
        cold_seconds=seconds(cold, "--cold"), warm_seconds=seconds(warm, "--warm"), instances=instances,
        jobs_per_day=jobs_per_day,
        price=Source(region=region).instance(price, "--price", instance_type, usage="training"),
        waiting=None if waiting_price is None
        else given(waiting_price, "--waiting-price", what="waiting for a start", unit="hour"),
    )  # fmt: skip
    show(answer(question), as_json=as_json, html=html)
