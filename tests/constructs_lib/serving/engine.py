"""Runs a state machine on the embedded cloud's engine, in its own environment; answers of AWS are given.

Reads {"definition", "input", "cases": {name: {action: [answers]}}} from standard input and writes, by case, how the
execution ended and which calls it made. An answer {"Error", "Cause"} is raised; the last answer of an action repeats.
"""

import json
import os
import sys
import time
import types

os.environ["SFN_WAIT_SCALE"] = "0"

from ministack.services import stepfunctions as engine

engine.time = types.SimpleNamespace(**{**vars(time), "sleep": lambda _seconds: None})


def run(definition: dict, given: dict, answers: dict) -> dict:
    calls: list[list] = []

    def answer(resource: str, arguments: dict) -> dict:
        action = resource.rpartition(":")[2]
        calls.append([action, arguments])
        queue = answers[action]
        found = queue.pop(0) if len(queue) > 1 else queue[0]
        if "Error" in found:
            raise engine._ExecutionError(found["Error"], found["Cause"])
        return found

    engine._invoke_aws_sdk_integration = answer
    machine, execution = "arn:m", f"arn:e:{len(engine._executions)}"
    engine._state_machines[machine] = {"definition": json.dumps(definition), "name": "m", "roleArn": "arn:r"}
    engine._executions[execution] = {
        "stateMachineArn": machine, "executionArn": execution, "name": "e", "status": "RUNNING",
        "startDate": "2026-11-21T00:00:00.000Z", "input": json.dumps(given), "events": [], "output": None,
    }  # fmt: skip
    engine._run_execution(execution)
    found = engine._executions[execution]
    visited = [
        event["stateEnteredEventDetails"]["name"] for event in found["events"] if "stateEnteredEventDetails" in event
    ]
    return {"status": found["status"], "calls": calls, "last": visited[-1],
            "error": found.get("error"), "cause": found.get("cause"), "output": found["output"]}  # fmt: skip


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    done = {name: run(asked["definition"], asked["input"], answers) for name, answers in asked["cases"].items()}
    json.dump(done, sys.stdout)
