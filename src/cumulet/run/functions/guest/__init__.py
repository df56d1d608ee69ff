"""What runs inside a function's worker: scripts of the standard library alone, for Python 3.9 and newer.

The server never imports these modules; it only hands their paths to the interpreters that it starts.
"""
