"""Layer 3: what every service stands on: registration, dispatch, transactions, calls, events, jobs, audit."""
