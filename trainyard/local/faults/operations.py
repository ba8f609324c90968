"""InjectFault, ListFaults, ClearFaults: the administrator's requests."""

from trainyard.local.api.operations import Answer, Caller, Request, operation
from trainyard.local.faults.fault import asked_for
from trainyard.local.faults.register import Faults


class FaultOperations:
    """The family of operations on faults."""

    def __init__(self, faults: Faults) -> None:
        """Over those that there are."""
        self._faults = faults

    @operation("InjectFault")
    def inject(self, request: Request, _caller: Caller) -> Answer:
        """Asks for a fault."""
        fault = asked_for(request)
        self._faults.inject(fault)
        return {"FaultId": fault.id}

    @operation("ListFaults")
    def list_faults(self, _request: Request, _caller: Caller) -> Answer:
        """Those that have not struck yet."""
        return {"Faults": [fault.answer() for fault in self._faults.remaining()]}

    @operation("ClearFaults")
    def clear(self, request: Request, _caller: Caller) -> Answer:
        """Takes one back, or all."""
        return {"FaultIds": self._faults.clear(request.get("FaultId"))}
