"""Batching settings of a model, chosen by measuring them on a real Triton."""
