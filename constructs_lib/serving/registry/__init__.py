"""What the registry approves is what is served."""

from constructs_lib.serving.registry.deployment import DeploymentSettings, RegistryDeployment

__all__ = ["DeploymentSettings", "RegistryDeployment"]
