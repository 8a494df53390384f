"""`python -m playground.evaluate`: the command of playground.cli.evaluate."""

import sys

from playground.cli.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
