"""Token Playground: `python app.py` serves it; a Space runs this file."""

import sys

from playground.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
