"""The torch of SageMaker's libraries, 2.4 and 2.5: what this code has to do for them. Newer ones are left as they are.

Imported by what every rank imports first: 2.4 has what this code uses of DTensor under a private name only.
"""

from __future__ import annotations

import torch.distributed.tensor as public
from torch import nn

LOCKED_TEARDOWN = not hasattr(nn.utils, "get_total_norm")
"""Whether a gloo group ends with the interpreter locked, which its threads wait for while they let go of what they
exchanged last: 3 of 8 runs on a busy machine never ended under 2.5.1."""

_NAMES = ("DTensor", "DeviceMesh", "Partial", "Replicate", "Shard", "distribute_tensor")

if not hasattr(public, "DTensor"):
    import torch.distributed._tensor as private

    vars(public).update({name: getattr(private, name) for name in _NAMES})
