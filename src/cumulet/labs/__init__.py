"""Layer 6: guided labs. One lab, one folder; everything here speaks to the cloud through its public API only."""
