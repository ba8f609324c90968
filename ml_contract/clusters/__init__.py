"""What constructs, the scripts of a HyperPod node and the embedded cloud agree on about clusters."""
