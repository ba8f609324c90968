"""What runs in, or is loaded by, a serving container."""
