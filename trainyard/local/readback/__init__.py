"""After a deploy: does the account hold what the templates say?

A green deploy proves nothing, because an emulator may drop what it does not know. This reads every resource of the
deployed stacks back through the services' own APIs, as any client would, and compares property by property. It knows
neither the emulator nor CDK: it works the same on an account at AWS.
"""

from trainyard.local.readback.check import check_deployment
from trainyard.local.readback.findings import Finding, ReadBack, Verdict
from trainyard.local.readback.reading import read_back

__all__ = ["Finding", "ReadBack", "Verdict", "check_deployment", "read_back"]
