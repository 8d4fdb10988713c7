"""`python -m pydpdk`."""

from pydpdk.cli import main

main()
