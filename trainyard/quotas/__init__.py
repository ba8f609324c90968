"""Service quotas: what an assembly needs of them, and what an account has."""
