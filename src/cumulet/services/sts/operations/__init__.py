"""The operations of STS, by family."""
