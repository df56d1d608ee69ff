"""S3's pure logic: checksums, ranges, conditions, filters, the walk of a listing. No context, no I/O."""
