"""How much a run needs: memory a rank, time between checkpoints, share of the hardware's peak."""
