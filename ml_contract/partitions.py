"""Parts into which one accelerator can be divided (NVIDIA's Multi-Instance GPU), by the device's name.

Source: "Supported MIG Profiles", NVIDIA Multi-Instance GPU User Guide; MIGProfileType, SageMaker API reference, for the
names that SageMaker knows, which are those of the guide after ``mig-``; both read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_contract.instances import InstanceType

_OF_80_GB = {"mig-1g.10gb": 7, "mig-1g.20gb": 4, "mig-2g.20gb": 3, "mig-3g.40gb": 2, "mig-4g.40gb": 1, "mig-7g.80gb": 1}
PROFILES: Mapping[str, Mapping[str, int]] = {
    "A100-40GB": {
        "mig-1g.5gb": 7, "mig-1g.10gb": 4, "mig-2g.10gb": 3, "mig-3g.20gb": 2, "mig-4g.20gb": 1, "mig-7g.40gb": 1,
    },
    "A100-80GB": _OF_80_GB,
    "H100-80GB": _OF_80_GB,
    "H200-141GB": {
        "mig-1g.18gb": 7, "mig-1g.35gb": 4, "mig-2g.35gb": 3, "mig-3g.71gb": 2, "mig-4g.71gb": 1, "mig-7g.141gb": 1,
    },
    "B200-179GB": {
        "mig-1g.23gb": 7, "mig-1g.45gb": 4, "mig-2g.45gb": 3, "mig-3g.90gb": 2, "mig-4g.90gb": 1, "mig-7g.180gb": 1,
    },
}  # fmt: skip
"""Most parts of each kind that one accelerator has when it is divided into that kind alone."""
LABEL = "nvidia.com/mig.config"
"""Label of a node that says into what its accelerators are divided: ``all-1g.10gb``."""


def profiles(one: InstanceType) -> Mapping[str, int]:
    """Most parts of each kind of one accelerator of a type; empty where it cannot be divided."""
    return PROFILES.get(one.accelerator or "", {})
