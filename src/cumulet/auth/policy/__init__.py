"""IAM's policy language: parse documents, match statements, decide. Pure: no I/O, no state but compilations."""
