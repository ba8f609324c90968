"""What both sides of the container wall agree on: standard library only, imported by every other package."""
