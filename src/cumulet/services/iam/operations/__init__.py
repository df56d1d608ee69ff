"""The operations of IAM, by family."""
