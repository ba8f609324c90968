"""Clusters whose nodes are Linux namespaces of this machine."""
