"""Training jobs of clusters, from the value objects of the pipelines."""
