"""What every emulated service shares: checked requests, shaped answers, documents that last."""
