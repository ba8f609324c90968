"""What is learned: one folder a workload, chosen by name; `base` says what each of them is."""
