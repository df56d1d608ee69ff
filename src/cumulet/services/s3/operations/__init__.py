"""S3's operations, by family."""
