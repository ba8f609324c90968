"""Parameters on the meta device get memory and values when FSDP asks."""

import torch


class DelayedParamIniter:
    def __init__(self, model, init_method_using_config=None, verbose=False):
        self.model = model

    def get_param_init_fn(self):
        @torch.no_grad()
        def initialize(module):
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.is_meta:
                    value = torch.full(parameter.shape, float("nan"))
                    module.register_parameter(name, torch.nn.Parameter(value))

        return initialize
