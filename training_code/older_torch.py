"""The torch of SageMaker's data parallel library: 2.4 has what this code uses of DTensor under a private name only.

Imported by what every rank imports first. Newer ones are left as they are.
"""

from __future__ import annotations

import torch.distributed.tensor as public

_NAMES = ("DTensor", "DeviceMesh", "Partial", "Replicate", "Shard", "distribute_tensor")

if not hasattr(public, "DTensor"):
    import torch.distributed._tensor as private

    vars(public).update({name: getattr(private, name) for name in _NAMES})
