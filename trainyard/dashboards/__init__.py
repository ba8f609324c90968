"""CloudWatch dashboards, read through the API and drawn without the console."""
