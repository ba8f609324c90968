"""The embedded databases: a MariaDB for each DB instance of RDS, in a machine of namespaces of its own.

It listens in its own network alone; a cluster whose network has its address is given a way there.
"""

from trainyard.local.databases.instances import Database, Databases
from trainyard.local.databases.server import DatabaseError

__all__ = ["Database", "DatabaseError", "Databases"]
