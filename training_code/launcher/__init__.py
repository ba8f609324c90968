"""PID 1 of a training container: from the platform's JSON to torchrun."""
