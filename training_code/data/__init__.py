"""Shards of tokens and images, the order they are read in, and a loader that resumes where it was."""
