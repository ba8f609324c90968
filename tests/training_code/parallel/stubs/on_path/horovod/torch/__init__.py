"""What the documentation of ``horovod.torch`` says, on top of torch.distributed: its parent goes onto ``sys.path``."""

import os

import torch.distributed as dist

Average, calls = object(), []
_works = {}
_running = False


def init():
    global _running
    _running = True
    calls.append(("init", dist.is_initialized()))


def shutdown():
    global _running
    assert not _works, "operations are under way"
    _running = False
    calls.append(("shutdown", None))


def rank():
    return int(os.environ["RANK"])


def size():
    assert _running
    return int(os.environ["WORLD_SIZE"])


def local_rank():
    return int(os.environ["LOCAL_RANK"])


def broadcast_parameters(params, root_rank):
    assert _running
    calls.append(("broadcast_parameters", sorted(params)))
    for _, tensor in sorted(params.items()):
        dist.broadcast(tensor, root_rank)


def allreduce_async_(tensor, average=None, name=None, op=None):
    assert _running
    assert op is Average
    assert name not in _works, f"{name} is under way already"
    calls.append(("allreduce_async_", name))
    _works[name] = dist.all_reduce(tensor, async_op=True), tensor
    return name


def synchronize(handle):
    work, tensor = _works.pop(handle)
    work.wait()
    return tensor.div_(size())
