"""Incidents: what goes wrong is played on the embedded cloud, and put right by the commands of its runbook."""
