"""Stacks: they compose constructs, and grant."""
