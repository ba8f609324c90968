"""The service model of `Trainyard.*` requests, in the form of botocore's own models."""

from botocore.model import ServiceModel

from trainyard.local.faults.fault import FIELDS_OF_KIND


def _model() -> ServiceModel:
    seconds = {"shape": "Seconds"}
    text = {"shape": "Text"}
    fault = {
        "FaultId": text,
        "Kind": {"shape": "Kind"},
        "CreationTime": {"shape": "Time"},
        "Remaining": {"shape": "Number"},
        **dict.fromkeys(
            ("TrainingJobName", "Bucket", "Key", "Operation", "InstanceType", "ClusterName", "Node", "Reason"), text
        ),
    }
    request = {
        "Kind": {"shape": "Kind"},
        **dict.fromkeys(
            (
                "TrainingJobName",
                "LogPattern",
                "Bucket",
                "Key",
                "Operation",
                "ErrorCode",
                "InstanceType",
                "ClusterName",
                "Node",
                "Reason",
            ),
            text,
        ),
        **dict.fromkeys(("AfterSeconds", "RestartAfterSeconds", "DelaySeconds"), seconds),
        "Host": {"shape": "Positive"},
        "Count": {"shape": "Positive"},
        "SizeInBytes": {"shape": "Positive"},
        "Skip": {"shape": "Number"},
        "StatusCode": {"shape": "Status"},
    }
    return ServiceModel(
        {
            "metadata": {
                "apiVersion": "2026-11-01",
                "endpointPrefix": "trainyard",
                "jsonVersion": "1.1",
                "protocol": "json",
                "protocols": ["json"],
                "serviceFullName": "Trainyard, the embedded cloud",
                "serviceId": "Trainyard",
                "signatureVersion": "v4",
                "targetPrefix": "Trainyard",
            },
            "operations": {
                name: {
                    "name": name,
                    "http": {"method": "POST", "requestUri": "/"},
                    "input": {"shape": f"{name}Request"},
                    "output": {"shape": f"{name}Response"},
                }
                for name in (
                    "InjectFault",
                    "ListFaults",
                    "ClearFaults",
                    "DescribeServers",
                    "RunNodeCommand",
                    "SetMinute",
                )
            },
            "shapes": {
                "InjectFaultRequest": {"type": "structure", "required": ["Kind"], "members": request},
                "InjectFaultResponse": {"type": "structure", "members": {"FaultId": text}},
                "ListFaultsRequest": {"type": "structure", "members": {}},
                "ListFaultsResponse": {"type": "structure", "members": {"Faults": {"shape": "FaultList"}}},
                "ClearFaultsRequest": {"type": "structure", "members": {"FaultId": text}},
                "ClearFaultsResponse": {"type": "structure", "members": {"FaultIds": {"shape": "TextList"}}},
                "DescribeServersRequest": {
                    "type": "structure",
                    "required": ["EndpointName"],
                    "members": {"EndpointName": text, "InferenceComponentName": text},
                },
                "DescribeServersResponse": {"type": "structure", "members": {"Servers": {"shape": "ServerList"}}},
                "RunNodeCommandRequest": {
                    "type": "structure",
                    "required": ["ClusterName", "Node", "Command"],
                    "members": {
                        "ClusterName": text,
                        "Node": text,
                        "Command": {"shape": "Words"},
                        "TimeoutSeconds": seconds,
                    },
                },
                "RunNodeCommandResponse": {
                    "type": "structure",
                    "members": {"NodeId": text, "ExitCode": {"shape": "Exit"}, "Output": {"shape": "Long"}},
                },
                "SetMinuteRequest": {
                    "type": "structure",
                    "required": ["Seconds"],
                    "members": {"Seconds": {"shape": "Minute"}, "ForSeconds": seconds},
                },
                "SetMinuteResponse": {"type": "structure", "members": {"Seconds": {"shape": "Minute"}}},
                "Minute": {"type": "double", "min": 0, "max": 60},
                "Words": {"type": "list", "member": {"shape": "Long"}, "min": 1, "max": 1000},
                "Exit": {"type": "integer"},
                "ServerList": {"type": "list", "member": {"shape": "Server"}},
                "Server": {"type": "structure", "members": {"VariantName": text, "Metrics": {"shape": "Long"}}},
                "Long": {"type": "string"},
                "Fault": {"type": "structure", "members": fault},
                "FaultList": {"type": "list", "member": {"shape": "Fault"}},
                "TextList": {"type": "list", "member": text},
                "Kind": {"type": "string", "enum": sorted(FIELDS_OF_KIND)},
                "Number": {"type": "integer", "min": 0},
                "Positive": {"type": "integer", "min": 1},
                "Seconds": {"type": "double", "min": 0, "max": 86400},
                "Status": {"type": "integer", "min": 400, "max": 599},
                "Text": {"type": "string", "min": 1, "max": 1024},
                "Time": {"type": "timestamp"},
            },
        },
        "trainyard",
    )


FAULTS_MODEL = _model()
"""The service model of `Trainyard.*` requests; `Service(FAULTS_MODEL, families…)` answers them."""
