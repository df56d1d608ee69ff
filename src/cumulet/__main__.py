"""`python -m cumulet`."""

from cumulet.cli.main import main

main()
