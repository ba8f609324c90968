"""EC2 operations that the emulator answers without applying what it was asked, in versions that do."""

from ministack.services import ec2

from trainyard.local.cloudformation import ec2_flow_logs, ec2_vpc_endpoints
from trainyard.local.cloudformation.ec2_wire import operation


def install() -> None:
    """Puts the operations into the emulator's EC2."""
    for name, work in {**ec2_vpc_endpoints.ACTIONS, **ec2_flow_logs.ACTIONS}.items():
        assert name in ec2._ACTION_MAP, f"the emulator's EC2 has no {name}"
        ec2._ACTION_MAP[name] = operation(name, work)
