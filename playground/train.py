"""`python -m playground.train`: the command of playground.cli.train."""

import sys

from playground.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
