"""Deploy on the embedded cloud, and believe only what is read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trainyard.local.cloud import Cloud
from trainyard.local.deploy import CdkCli


def deploy_and_read_back(
    cloud: Cloud,
    stacks: Sequence[str],
    parameters: Mapping[str, str],
    assembly: Path | None,
    say: Callable[[str], None],
) -> None:
    """Start the cloud where needed, bootstrap, deploy, and compare what was deployed with the templates.

    Raises:
        ContractError: ``assembly`` is none.
        CloudError: A stack does not deploy, or a property reads differently from what its template says.
    """
    from trainyard.local.readback import check_deployment

    cli = CdkCli.on(cloud, assembly)
    cloud.up()
    if assembly is None:
        say("synthesising")
        cli.synth(say)
    say("bootstrapping")
    cli.bootstrap()
    changed = cli.deploy(stacks, parameters, say)
    say("deployed" if changed else "no changes")
    say(check_deployment(cloud, cli.output, stacks))
