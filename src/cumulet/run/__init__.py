"""Layer 1: real execution. Worker processes, their sandboxes, limits and logs; no AWS service is known here."""
