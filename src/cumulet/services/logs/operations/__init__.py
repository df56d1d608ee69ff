"""The operations of CloudWatch Logs, by family."""
