"""What a training run is told: the workload, how it is spread over ranks, and everything around it."""
