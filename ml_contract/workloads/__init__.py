"""Options of the workloads, one file each; the training code has a folder of the same name for each."""

from ml_contract.workloads.arr_coc import ArrCoc
from ml_contract.workloads.base import ModelSize, WorkloadOptions
from ml_contract.workloads.bytes_lm import BytesLm
from ml_contract.workloads.digits import Digits
from ml_contract.workloads.llama import Llama

__all__ = ["ArrCoc", "BytesLm", "Digits", "Llama", "ModelSize", "WorkloadOptions"]
