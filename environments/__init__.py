"""The only place where values live: one file an environment. A new one is a new file and a name here."""

from environments.dev import DEV
from environments.lab import LAB
from environments.local import LOCAL
from environments.prod import PROD
from environments.research import RESEARCH

ENVIRONMENTS = (LOCAL, LAB, DEV, PROD, RESEARCH)
