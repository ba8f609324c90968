"""EC2 operations that the emulator lacks, or answers without applying what it was asked, in versions that do."""

from ministack.services import ec2

from trainyard.local.cloudformation import ec2_flow_logs, ec2_vpc_endpoints, ec2_vpc_ranges, ec2_zones
from trainyard.local.cloudformation.ec2_wire import operation


def install() -> None:
    """Puts the operations into the emulator's EC2."""
    for module in (ec2_flow_logs, ec2_vpc_endpoints, ec2_vpc_ranges, ec2_zones):
        for name, work in module.ACTIONS.items():
            assert name in ec2._ACTION_MAP, f"the emulator's EC2 has no {name}"
            ec2._ACTION_MAP[name] = operation(name, work)
    for name, work in ec2_vpc_ranges.ADDED.items():
        assert name not in ec2._ACTION_MAP, f"the emulator's EC2 has a {name} of its own now"
        ec2._ACTION_MAP[name] = operation(name, work)
    ec2._ACTION_MAP["CreateRouteTable"] = ec2_vpc_ranges.create_route_table(ec2._ACTION_MAP["CreateRouteTable"])
