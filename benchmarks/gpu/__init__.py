"""Llama on one GPU: this project's train step beside the Hugging Face Trainer and a plain PyTorch loop.

``python -m benchmarks.gpu`` (``make bench-gpu``) needs PyTorch and no network. Every row is measured in a process of
its own, so that memory is the row's alone and a failure costs one row. What was not measured, for want of a package, of
memory or of time, is said below the tables.
"""
