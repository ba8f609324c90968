"""One HTML page about executions, readable without a network."""
