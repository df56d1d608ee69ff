"""Layer 4: the services, one folder each, all of one shape. They never import each other."""
