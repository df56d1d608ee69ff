"""Layer 0: words that every layer shares. Nothing here does I/O or knows a service."""
