"""Layer 1: where all state lives. `api` is the contract, `local` and `memory` keep it, `keys` orders it."""
