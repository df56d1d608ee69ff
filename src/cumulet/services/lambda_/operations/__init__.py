"""Lambda's operations, one family a file."""
