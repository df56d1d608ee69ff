"""The pure part of CloudWatch Logs: filter patterns, chunks of events and their order. No context, no I/O."""
