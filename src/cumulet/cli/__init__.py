"""Layer 6: the commands, one file each. They speak the public API and /_cumulet/*; only `start` builds a cloud."""
