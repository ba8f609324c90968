"""`trainyard invoke` and `trainyard load`: requests to an endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainyard.operations.connection import Connection, connect

_Endpoint = Annotated[str, typer.Argument(help="Name of the endpoint.")]
_Body = Annotated[Path | None, typer.Option(help="File to send as it is.", dir_okay=False)]
_Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input", "-i", help="A .npy or JSON file for an input, as often as needed.", metavar="NAME[:TYPE]=FILE"
    ),
]
_Type = Annotated[str, typer.Option(help="Media type of --body.")]
_Model = Annotated[str | None, typer.Option(help="One of an endpoint's many models, for example bert-7.tar.gz.")]
_Component = Annotated[str | None, typer.Option(help="An inference component of the endpoint.")]
_Variant = Annotated[str | None, typer.Option(help="A production variant of the endpoint.")]


def invoke(
    context: typer.Context,
    endpoint: _Endpoint,
    prompt: Annotated[str | None, typer.Option(help="Text that a byte-level language model continues.")] = None,
    count: Annotated[int, typer.Option(help="Bytes to write after the prompt, one request each.", min=1)] = 32,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest byte each time.", min=0, max=10)] = 0.7,
    seed: Annotated[int, typer.Option(help="Of the draws: the same seed writes the same text.")] = 0,
    body: _Body = None,
    input_: _Input = None,
    content_type: _Type = "application/json",
    target_model: _Model = None,
    component: _Component = None,
    variant: _Variant = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it comes.")] = False,
    deferred: Annotated[
        str | None,
        typer.Option("--async", help="Put the request into S3 here and wait for the answer.", metavar="S3URI"),
    ] = None,
    timeout: Annotated[str, typer.Option(help="Longest wait with --async.")] = "15m",
) -> None:
    """Send a request to an endpoint and print the answer.

    Examples: `trainyard --local invoke NAME --prompt "def __init__(self"` ·
    `trainyard invoke NAME --body request.json` ·
    `trainyard invoke NAME -i tokens=tokens.npy --target-model bert-7.tar.gz`
    """
    from trainyard.cli import asking
    from trainyard.cli.parameters import seconds

    if sum(map(bool, (prompt is not None, body is not None, input_))) != 1:
        raise typer.BadParameter("give exactly one of --prompt, --body and --input")
    if stream and deferred:
        raise typer.BadParameter("give either --stream or --async")
    connection, more = _connection(context), _more(target_model, component, variant)
    if prompt is not None:
        if stream or deferred or more:
            raise typer.BadParameter("--prompt takes the endpoint's own model; use --input for others")
        asking.continue_prompt(connection, endpoint, prompt, count=count, temperature=temperature, seed=seed)
        return
    content = _content(body, input_)
    if deferred:
        asking.defer(connection, endpoint, content, content_type, deferred, more, seconds(timeout, "--timeout"))
    elif stream:
        asking.stream(connection, endpoint, content, content_type, more)
    else:
        asking.ask(connection, endpoint, content, content_type, more)


def load(
    context: typer.Context,
    endpoint: _Endpoint,
    body: _Body = None,
    input_: _Input = None,
    content_type: _Type = "application/json",
    target_model: _Model = None,
    component: _Component = None,
    variant: _Variant = None,
    concurrency: Annotated[str, typer.Option(help="Requests at once, level by level.")] = "1,8,32",
    duration: Annotated[str, typer.Option(help="Time of each level, at most 4m.")] = "10s",
    html: Annotated[Path | None, typer.Option(help="Write a plot here.", dir_okay=False)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write JSON here.", dir_okay=False)] = None,
) -> None:
    """Measure an endpoint under load: answers a second and latencies at each concurrency, errors by kind.

    Every request is the same one. autocannon sends it, through sagemaker-runtime as any client does.

    Examples: `trainyard --local load NAME -i tokens=tokens.npy` ·
    `trainyard load NAME --body request.json --concurrency 1,16,64 --duration 30s --html out/load.html`
    """
    from trainyard.cli.loading import counting, show
    from trainyard.cli.parameters import seconds
    from trainyard.load.request import Signed, check_seconds
    from trainyard.load.sweep import read_levels

    if (body is None) == (not input_):
        raise typer.BadParameter("give exactly one of --body and --input")
    connection = _connection(context)
    source = Signed(
        connection=connection,
        endpoint=endpoint,
        body=_content(body, input_),
        content_type=content_type,
        more=_more(target_model, component, variant),
    )
    levels, each = read_levels(concurrency), check_seconds(seconds(duration, "--duration"))
    counts = counting(connection, endpoint, component)
    show(source, endpoint, levels, each, counts=counts, html=html, output=output)


def _connection(context: typer.Context) -> Connection:
    is_local, cloud = context.obj
    return connect(cloud if is_local else None)


def _content(body: Path | None, inputs: list[str] | None) -> bytes:
    from trainyard.load.body import body_of

    return body.read_bytes() if body is not None else body_of(inputs or [])


def _more(target_model: str | None, component: str | None, variant: str | None) -> dict[str, str]:
    named = (("TargetModel", target_model), ("InferenceComponentName", component), ("TargetVariant", variant))
    return {name: value for name, value in named if value is not None}
