"""Cumulet: a whole AWS-compatible cloud on one machine. The version is the only thing that may be imported from here."""

__version__ = "0.1.0"
