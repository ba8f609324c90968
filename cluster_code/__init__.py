"""What runs on the nodes of a HyperPod cluster.

``lifecycle`` is no package: it is the folder that HyperPod copies to a node, whole, with nothing in it that a node
does not need.
"""

from __future__ import annotations

from pathlib import Path

LIFECYCLE = Path(__file__).parent / "lifecycle"
"""Everything in it goes to a node; lifecycle.json, written for one cluster, is put beside its entry."""
