"""The library's norm over all groups, of what they divide and of what each of them has whole."""

import torch
import torch.distributed as dist
from torch.sagemaker import calls, state


def clip_grad_norm_(model, max_norm):
    calls.append(("clip_grad_norm_", max_norm))
    if not state.divided:
        return model.clip_grad_norm_(max_norm)
    gradients = {
        name.replace("_fsdp_wrapped_module.", "").replace("_checkpoint_wrapped_module.", ""): parameter.grad
        for name, parameter in model.named_parameters() if parameter.grad is not None
    }  # fmt: skip
    squares = torch.zeros(2)
    for name, gradient in gradients.items():
        if state.ep_size > 1 and gradient.numel():
            # FSDP took the mean over ranks with the same experts alone.
            if name in state.divided:
                gradient.div_(state.ep_size)
            else:
                dist.all_reduce(gradient, group=state.ep_process_group)
                gradient.div_(state.ep_size)
        squares[int(name in state.divided)] += gradient.square().sum()
    dist.all_reduce(squares, group=model.process_group)
    dist.all_reduce(squares[1], group=state.ep_process_group if state.ep_size > 1 else state.tp_process_group)
    norm = squares.sum().sqrt()
    for gradient in gradients.values():
        gradient.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm
