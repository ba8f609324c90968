"""Free ports for the servers that tests start."""

import os
import random
import socket

# Below the kernel's ephemeral range: no outgoing connection takes a port while its server is stopped and started. Each
# of xdist's processes has ports of its own: no other takes one between its choice and its server's start.
_PROCESSES = 16
_PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
_RANGE = range(15000 + _PROCESS, 32000, _PROCESSES)
_random = random.SystemRandom()
"""Whatever seed a test has set, two processes do not draw the same."""
_given: set[int] = set()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, another one each time."""
    while True:
        port = _random.choice(_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
