"""The library's norm over all groups; without tensor parallelism that is FSDP's."""

from torch.sagemaker import calls


def clip_grad_norm_(model, max_norm):
    calls.append(("clip_grad_norm_", max_norm))
    return model.clip_grad_norm_(max_norm)
