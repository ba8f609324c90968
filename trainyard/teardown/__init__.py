"""Take an environment away again: nothing bills afterwards, and no data goes without being named."""
