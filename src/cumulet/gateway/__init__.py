"""Layer 4: where HTTP comes in. A server that knows only HTTP/1.1, and the pipeline that turns a request into a call of an operation."""
