"""What SageMaker allows of policies and quotas.

Source: SchedulerConfig, PriorityClass, ComputeQuotaConfig, ComputeQuotaTarget and ResourceSharingConfig, SageMaker API
reference, read 2026-11-22. The reference gives the range of BorrowLimit in words, 1 to 500; its schema says 0 to 10000.
"""

NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""Of teams and priority classes: they become names in Kubernetes."""
LONGEST_NAME = 40
LONGEST_POLICY_NAME = 63
POLICY_NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"
MOST_CLASSES = 10
MOST_WEIGHT = 100
MOST_TYPES = 15
LEAST_BORROWED = 1
MOST_BORROWED = 500
"""Per cent of what the team itself has."""
