"""Load on a server, by autocannon: how many answers a second, how late, and what went wrong."""
