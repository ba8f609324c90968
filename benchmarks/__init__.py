"""Benchmarks: ratios against a named alternative in the same run. Not tests."""
