"""`trainyard whatif`: the questions about serving."""

from __future__ import annotations

from typing import Annotated

import typer

from trainyard.cli.answering import Html, Json, Month, Region, show
from trainyard.whatif.price import HOURS_PER_MONTH


def multi_model(
    models: Annotated[int, typer.Option(help="Models to serve.")],
    shared_type: Annotated[str | None, typer.Option(help="Instance that models share, e.g. ml.g5.2xlarge.")] = None,
    single_type: Annotated[str | None, typer.Option(help="Instance of a single endpoint, e.g. ml.g5.xlarge.")] = None,
    shared_price: Annotated[float | None, typer.Option(help="Of an hour of the shared instance.")] = None,
    single_price: Annotated[float | None, typer.Option(help="Of an hour of the single instance.")] = None,
    models_per_instance: Annotated[
        int | None, typer.Option(help="Models that a shared instance serves; without it one serves all.")
    ] = None,
    single_instances: Annotated[int, typer.Option(help="Instances of each single endpoint.")] = 1,
    hours_per_month: Month = HOURS_PER_MONTH,
    region: Region = "us-east-1",
    as_json: Json = False,
    html: Html = None,
) -> None:
    """Models that share instances against an endpoint each, and from how many models on sharing pays.

    Example: `trainyard whatif multi-model --models 50 --shared-type ml.g5.2xlarge --single-type ml.g5.xlarge`
    """
    from trainyard.whatif.listed import Source
    from trainyard.whatif.multi_model import MultiModel, answer

    source = Source(region=region)
    question = MultiModel(
        models=models, models_per_instance=models_per_instance, single_instances=single_instances,
        hours_per_month=hours_per_month,
        shared=source.instance(shared_price, "--shared-price", shared_type, usage="hosting",
                               role="the shared instance"),
        single=source.instance(single_price, "--single-price", single_type, usage="hosting",
                               role="the single instance"),
    )  # fmt: skip
    show(answer(question), as_json=as_json, html=html)


def serverless(
    requests_per_day: Annotated[float, typer.Option(help="Requests of a day.")],
    seconds: Annotated[float, typer.Option(help="That one request runs.")],
    memory_gb: Annotated[int, typer.Option(help="Memory of the endpoint, 1 to 6 GB.")],
    compute_price: Annotated[
        float | None, typer.Option(help="Of a GB-hour of running requests; without it the table's.")
    ] = None,
    request_price: Annotated[float | None, typer.Option(help="Of one request, whatever its data.")] = None,
    request_mb: Annotated[float | None, typer.Option(help="Data of a request and its answer, MB.")] = None,
    data_price: Annotated[float | None, typer.Option(help="Of a GB of data; without it the table's.")] = None,
    provisioned: Annotated[int | None, typer.Option(help="Provisioned concurrency to compare with.")] = None,
    standing_price: Annotated[float | None, typer.Option(help="Of a provisioned GB-hour, used or not.")] = None,
    running_price: Annotated[
        float | None, typer.Option(help="Of a GB-hour of requests that run on what is provisioned.")
    ] = None,
    instance_type: Annotated[str | None, typer.Option(help="Instance that would be always on.")] = None,
    price: Annotated[float | None, typer.Option(help="Of an hour of that instance.")] = None,
    instances: Annotated[int, typer.Option(help="So many of them.")] = 1,
    hours_per_month: Month = HOURS_PER_MONTH,
    region: Region = "us-east-1",
    as_json: Json = False,
    html: Html = None,
) -> None:
    """Serverless against provisioned concurrency against always on, and the requests a day at which they meet.

    Example: `trainyard whatif serverless --requests-per-day 1000 --seconds 0.5 --memory-gb 6 --price 0.23`
    """
    from dataclasses import replace

    from ml_contract.checks import between
    from trainyard.whatif import listed
    from trainyard.whatif import serverless as model
    from trainyard.whatif.price import given

    source, kept, request = listed.Source(region=region), None, None
    if request_price is not None:
        request = given(request_price, "--request-price", what="a request and its data", unit="request")
    elif request_mb is not None:
        between("request-mb", request_mb, 0, 25)
        data = source.of(data_price, "--data-price", item="sagemaker/inference-gb", unit="gb", what="data")
        request = replace(
            data, what=f"{request_mb:g} MB of data", amount=request_mb / 1000 * data.amount, unit="request"
        )
    if provisioned is not None:
        standing, running = (
            source.gb_hour(amount, option, item=f"sagemaker/serverless-provisioned-{what}-gb-second",
                           what=f"provisioned concurrency, {what}")
            for amount, option, what in ((standing_price, "--standing-price", "standing"),
                                         (running_price, "--running-price", "running"))
        )  # fmt: skip
        kept = model.Provisioned(count=provisioned, standing=standing, running=running)
    always_on = None
    if instance_type is not None or price is not None:
        always_on = source.instance(price, "--price", instance_type, usage="hosting")
    question = model.Serverless(
        requests_per_day=requests_per_day, seconds=seconds, memory_gb=memory_gb,
        compute=source.gb_hour(compute_price, "--compute-price", item="sagemaker/serverless-gb-second",
                               what="serverless, running"),
        request=request,
        provisioned=kept, instance=always_on, instances=instances, hours_per_month=hours_per_month,
    )  # fmt: skip
    show(model.answer(question), as_json=as_json, html=html)


def scale_to_zero(
    requests_per_hour: Annotated[float, typer.Option(help="On average, at random times.")],
    idle: Annotated[str, typer.Option(help="Without a request until the instances go.")] = "15m",
    start: Annotated[str, typer.Option(help="From the first request to its answer.")] = "6m",
    instances: Annotated[int, typer.Option(help="That start together.")] = 1,
    waiting: Annotated[float, typer.Option(help="Share of the requests that may wait, for the proposed time.")] = 0.05,
    instance_type: Annotated[str | None, typer.Option(help="Type whose price is read from the table.")] = None,
    price: Annotated[float | None, typer.Option(help="Of an instance-hour.")] = None,
    hours_per_month: Month = HOURS_PER_MONTH,
    region: Region = "us-east-1",
    as_json: Json = False,
    html: Html = None,
) -> None:
    """An endpoint that goes to zero instances when nobody asks: what it saves, and who waits.

    Example: `trainyard whatif scale-to-zero --requests-per-hour 2 --instance-type ml.g5.xlarge`
    """
    from trainyard.cli.parameters import seconds
    from trainyard.whatif.listed import Source
    from trainyard.whatif.scale_to_zero import ScaleToZero, answer

    question = ScaleToZero(
        requests_per_hour=requests_per_hour, idle_seconds=seconds(idle, "--idle"),
        start_seconds=seconds(start, "--start"), instances=instances, hours_per_month=hours_per_month,
        price=Source(region=region).instance(price, "--price", instance_type, usage="hosting"),
    )  # fmt: skip
    show(answer(question, waiting=waiting), as_json=as_json, html=html)
