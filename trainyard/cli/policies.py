"""`trainyard policies`: who may do what, by the policies of a cloud assembly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Policies of a cloud assembly: what they allow, what they deny, and why.")

Assembly = Annotated[Path, typer.Argument(help="A cdk.out folder.", file_okay=False)]
Name = Annotated[str, typer.Option("--environment", help="Whose policies.")]


@app.command()
def matrix(
    environment: Name,
    assembly: Assembly = Path("cdk.out"),
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a part of a document.")] = False,
) -> None:
    """Try calls of every role and decide them by IAM's rules, each allow beside its denials.

    The status is 1 where a role may do what it must not, or must do what it may not.

    Examples: `trainyard policies matrix --environment prod` ·
    `trainyard policies matrix cdk.out --environment prod --markdown`
    """
    from trainyard.cli.tables import print_table
    from trainyard.policies import matrix as tried
    from trainyard.policies.assembly import Environment

    found = Environment(assembly, environment)
    rows, reach = tried.rows(found), tried.reach(found)
    if markdown:
        typer.echo(tried.markdown(found, environment), nl=False)
    else:
        cells = [(row.principal, row.case.says, str(row.decision), "" if row.as_it_must else "WRONG") for row in rows]
        print_table("no role", ("role", "call", "decision", ""), cells)
        typer.echo()
        places = [(one.principal, one.place.short, str(one.reads), str(one.writes), "" if one.as_it_must else "WRONG")
                 for one in reach]  # fmt: skip
        print_table("no pipeline", ("jobs of", "place", "read", "write", ""), places)
    wrong = [row.case.says for row in rows if not row.as_it_must] + [
        one.place.uri for one in reach if not one.as_it_must
    ]
    if wrong:
        typer.echo(f"{len(wrong)} of {len(rows) + len(reach)} are not as they must be: {', '.join(wrong)}", err=True)
        raise typer.Exit(1)


@app.command()
def scp(environment: Name, assembly: Assembly = Path("cdk.out")) -> None:
    """Print the guardrails of an environment as a service control policy, for its account in AWS Organizations.

    Example: `trainyard policies scp --environment prod > scp.json`
    """
    from ml_contract.errors import reject
    from trainyard.policies.assembly import Environment

    document = Environment(assembly, environment).service_control_policy
    if document is None:
        reject("--environment", environment, "it has no guardrails", "Give its Environment(guardrails=…).")
    typer.echo(json.dumps(document, indent=2))
