"""Machines on this machine: containers of jobs and nodes of clusters as Linux namespaces, and the networks of both."""
