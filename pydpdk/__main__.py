"""`python -m pydpdk`."""

import sys

if not sys.flags.safe_path:
    # `-m` puts the working directory first: a file there must not shadow an installed module
    sys.path.append(sys.path.pop(0))

from pydpdk.cli import main

main()
