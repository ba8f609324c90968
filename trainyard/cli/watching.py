"""Watch an execution: a line for every change, and a live one for the training in between."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape

from ml_contract import metrics
from trainyard.operations.connection import Connection
from trainyard.operations.executions import Execution, Step, follow
from trainyard.operations.logs import Tail

_MARKS = {"Succeeded": "[green]✓[/]", "Failed": "[red]✗[/]", "Stopped": "[yellow]■[/]", "Executing": "…"}
_EVERY_STEPS = 25


@dataclass
class Watcher:
    """Prints what an execution does."""

    connection: Connection
    console: Console
    _shown: dict[str, str] = field(default_factory=dict)
    _tail: Tail | None = None
    _total: str = "?"
    _interruptions: int = 0
    _next_step: int = 1

    def watch(self, arn: str) -> Execution:
        """Follow ``arn`` to its end and return it as it ended."""
        interval = 0.5 if self.connection.is_near else 10.0
        with self.console.status("starting", spinner="dots") as status:
            for execution in follow(self.connection, arn, interval):
                running = self._steps(execution)
                training = self._training(running)
                status.update(
                    training or (f"{running.name} is {running.status.lower()}" if running else "between steps")
                )
        return execution

    def _steps(self, execution: Execution) -> Step | None:
        running = None
        for step in execution.steps:
            if self._shown.get(step.name) != step.status and step.status in _MARKS:
                self._shown[step.name] = step.status
                took = f"{step.seconds:6.1f} s" if step.seconds is not None else " " * 8
                if step.status != "Executing":
                    reason = f"  [red]{escape(step.reason)}[/]" if step.reason else ""
                    self.console.print(f"  {_MARKS[step.status]} {step.name:<14} {took}{reason}", soft_wrap=True)
            if step.status in ("Starting", "Executing"):
                running = step
        return running

    def _training(self, step: Step | None) -> str:
        if step is None or not step.is_training or step.job is None:
            return ""
        if self._tail is None or self._tail.job != step.job:
            self._tail = Tail(self.connection, step.job)
            found = self.connection.client("sagemaker").describe_training_job(TrainingJobName=step.job)
            self._total = found.get("HyperParameters", {}).get("steps", "?")
        text = self._read(self._tail)
        found = self.connection.client("sagemaker").describe_training_job(TrainingJobName=step.job)
        transitions = [entry["Status"] for entry in found.get("SecondaryStatusTransitions", [])]
        for _ in range(self._interruptions, transitions.count("Interrupted")):
            self.console.print("    [yellow]interrupted[/]: the spot hosts were reclaimed; the job restarts by itself")
        self._interruptions = transitions.count("Interrupted")
        return text or f"{step.name}: {found['SecondaryStatus'].lower()}"

    def _read(self, tail: Tail) -> str:
        text = ""
        for line in tail.new():
            parsed = metrics.parse(line.text)
            if parsed is None:
                continue
            step, values = parsed
            if metrics.RESTORED_STEP in values:
                self.console.print(f"    [cyan]resumed[/] from the commit at step {values[metrics.RESTORED_STEP]:.0f}")
                self._next_step = step
            if metrics.LOSS in values:
                text = f"step {step}/{self._total} · loss {values[metrics.LOSS]:.4f} {metrics.LOSS.unit}"
                if metrics.ACCURACY in values:
                    text += f" · accuracy {values[metrics.ACCURACY]:.1%}"
                if metrics.TOKENS_PER_SECOND in values:
                    text += f" · {values[metrics.TOKENS_PER_SECOND]:,.0f} tokens/s"
                if step >= self._next_step:
                    self.console.print(f"    {text}")
                    self._next_step = step + _EVERY_STEPS
        return text
