"""What a model needs: memory a rank, instances, hours, retries, time between checkpoints."""
