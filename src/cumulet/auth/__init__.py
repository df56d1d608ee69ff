"""Layer 2: who is calling (credentials, SigV4), what they may do (policy), which browsers may ask (browser)."""
