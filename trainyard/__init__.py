"""The operator's side: the command line, the account-free cloud, and what reads deployments."""
