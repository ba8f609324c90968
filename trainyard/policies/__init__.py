"""What the policies of a cloud assembly allow and deny, by IAM's own rules."""
