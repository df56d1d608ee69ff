"""Layer 1: the AWS wire protocols, compiled per operation from the models that botocore ships."""
