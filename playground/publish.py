"""`python -m playground.publish`: the command of playground.cli.publish."""

import sys

from playground.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["publish", *sys.argv[1:]]))
