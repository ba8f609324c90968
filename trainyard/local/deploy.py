"""Deploy a CDK app on the embedded cloud with the real CDK CLI."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainyard.assembly.stacks import stacks
from trainyard.local.cloud import ACCOUNT, REGION, ROOT, Cloud, CloudError

Progress = Callable[[str], None]
_UNCHANGED = "(no changes)"


def _silent(_line: str) -> None:
    """The progress of a caller who wants none."""


@dataclass(frozen=True)
class CdkCli:
    """The CDK CLI, talking to one embedded cloud."""

    cloud: Cloud
    output: Path = ROOT / "cdk.out"
    """Folder of the cloud assembly."""

    @classmethod
    def on(cls, cloud: Cloud, assembly: Path | None) -> CdkCli:
        """The CLI on an assembly that was written before, or without one on that which ``synth`` is to write.

        Raises:
            ContractError: The folder holds no cloud assembly.
        """
        if assembly is None:
            return cls(cloud)
        stacks(assembly)
        return cls(cloud, assembly.resolve())

    def synth(self, progress: Progress = _silent) -> Path:
        """Synthesise every environment, as a pull-request check does.

        Raises:
            CloudError: The app refuses; the message is its own.
        """
        self._run(["synth", "--quiet", "--strict", "--output", str(self.output)], progress, whole_app=True)
        return self.output

    def bootstrap(self, progress: Progress = _silent) -> None:
        """Prepare the account for deployments."""
        self._run(["bootstrap", f"aws://{ACCOUNT}/{REGION}"], progress)

    def deploy(
        self,
        stacks: Sequence[str],
        parameters: Mapping[str, str] | None = None,
        progress: Progress = _silent,
    ) -> bool:
        """Deploy the assembly's stacks.

        Args:
            stacks: Patterns of stack ids, for example ``Local/**``.
            parameters: CloudFormation parameters, ``STACK:NAME`` to value.
            progress: Called with each line the CLI prints.

        Returns:
            Whether anything changed.

        Raises:
            CloudError: A stack did not deploy; the message is CloudFormation's.
        """
        given = [part for name, value in (parameters or {}).items() for part in ("--parameters", f"{name}={value}")]
        lines = self._run(
            ["deploy", *stacks, *given, "--require-approval", "never", "--concurrency", "4", "--progress", "events"],
            progress,
        )
        deployed = [line for line in lines if re.search(r"✅ {2}\S+", line)]
        return any(_UNCHANGED not in line for line in deployed)

    def destroy(self, stacks: Sequence[str], progress: Progress = _silent) -> None:
        """Destroy stacks."""
        self._run(["destroy", *stacks, "--force"], progress)

    def _run(self, arguments: Sequence[str], progress: Progress, *, whole_app: bool = False) -> list[str]:
        cli = shutil.which("cdk", path=f"{ROOT / 'node_modules' / '.bin'}{os.pathsep}{os.environ.get('PATH', '')}")
        if cli is None:
            raise CloudError("the CDK CLI is not installed. Run `make setup`")
        source = [] if whole_app else ["--app", str(self.output)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {**self.cloud.environment(), "CI": "true", "NO_COLOR": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"}
        process = subprocess.Popen(
            [cli, *arguments, *source, "--no-notices", "--no-version-reporting"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        lines: list[str] = []
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.append(line.rstrip())
                progress(lines[-1])
        if process.wait() != 0:
            raise CloudError(f"cdk {arguments[0]}: {_reason(lines)}")
        return lines


def _reason(lines: Sequence[str]) -> str:
    """What the CLI gave as the cause: its ❌ line, an app's own last words, or the last line."""
    failed = [line for line in lines if "❌" in line or "_FAILED" in line]
    said = [line for line in lines if line.strip() and not line.startswith("[") and "Subprocess exited" not in line]
    chosen = failed[-1:] or said[-1:] or ["it printed nothing"]
    return " ".join(chosen[0].replace("❌", "").split())
