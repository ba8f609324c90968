"""EKS as HyperPod's orchestrator: control plane, add-ons, charts, identities, and manifests that are checked here."""
