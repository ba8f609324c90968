"""What Application Auto Scaling decides, as pure functions of documents, metrics and time; and a simulator."""
