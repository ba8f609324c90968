"""Fixtures that several parts share."""

import os

# CDK's own validation is half of every synthesis; `make synth` is the gate that runs it.
os.environ.setdefault("CDK_VALIDATION", "false")
