"""`trainyard cost`: what templates cost, against what they cost before, and the prices that it rests on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_ESTIMATE = "estimate"


class _Group(TyperGroup):
    """`trainyard cost cdk.out` means `trainyard cost estimate cdk.out`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h")):
            args = [_ESTIMATE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    help="""What stacks cost, from their templates alone; `trainyard cost [CDK.OUT]` is `trainyard cost estimate`.

    Examples: `trainyard cost cdk.out --environment prod` · `trainyard cost --against base.out --markdown` ·
    `trainyard cost template.yaml --region us-east-1 -p InstanceType=ml.g5.xlarge`""",
)


@app.command(_ESTIMATE)
def estimate(
    place: Annotated[Path, typer.Argument(help="A cloud assembly, or one CloudFormation template.")] = Path("cdk.out"),
    environment: Annotated[str | None, typer.Option(help="Only this one: the part of stack ids before the /.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="An assembly or template from before: print the difference per resource.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Of templates that do not tell theirs.")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="A template's parameter, NAME=VALUE.", metavar="NAME=VALUE"),
    ] = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="How much is used, for example log_gb_per_month=50.", metavar="NAME=VALUE")
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(help="A price that the table lacks, for example ml.p5.48xlarge/cluster=66.", metavar="ITEM=USD"),
    ] = None,
    max_age_days: Annotated[int, typer.Option(help="Warn of prices that were read earlier.", min=0)] = 90,
    everything: Annotated[bool, typer.Option("--all", help="Also lines below a dollar a month.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="For a pull request's comment.")] = False,
) -> None:
    """Print what stacks cost: by the hour, by the month, by the run; what is certain, by use, unknown.

    Examples: `trainyard cost cdk.out --environment prod --assume s3_gb=2000` ·
    `trainyard cost --against base.out --markdown`
    """
    from trainyard.cli.costing import Wanted, show

    if as_json and as_markdown:
        raise typer.BadParameter("give either --json or --markdown")
    show(
        Wanted(
            place=place,
            environment=environment,
            against=against,
            region=region,
            parameters=parameter or [],
            assume=assume or [],
            prices=price or [],
            max_age_days=max_age_days,
            everything=everything,
            form="json" if as_json else "markdown" if as_markdown else "tree",
        )
    )


@app.command()
def refresh(
    region: Annotated[str, typer.Option(help="Whose prices.")] = "us-east-1",
    tables: Annotated[
        Path | None, typer.Option(help="Folder of the price tables; the package's own without it.", file_okay=False)
    ] = None,
) -> None:
    """Rewrite a region's price table through AWS's Price List, Savings Plans and EC2 APIs (needs credentials).

    Example: `trainyard cost refresh --region us-east-1`
    """
    from datetime import UTC, datetime

    import boto3

    from trainyard.cost.refresh import Clients
    from trainyard.cost.refresh import refresh as rewrite

    # The Price List API answers in few regions; us-east-1 knows all prices.
    clients = Clients(
        pricing=boto3.client("pricing", region_name="us-east-1"),
        savings=boto3.client("savingsplans", region_name="us-east-1"),
        ec2=boto3.client("ec2", region_name=region),
    )
    for line in rewrite(region, clients, today=datetime.now(UTC).date(), tables=tables):
        typer.echo(line)
