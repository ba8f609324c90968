"""The main job: the whole way once on the embedded cloud, each stage checked."""
