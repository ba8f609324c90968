"""Free ports for the servers that tests start."""

import random
import socket

# Below the kernel's ephemeral range: no outgoing connection takes a port while its server is stopped and started.
_RANGE = range(15000, 32000)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.choice(_RANGE)  # not a secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
