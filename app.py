"""Token Playground: `python app.py` serves it; a Space runs this file."""

from playground.app import serve

if __name__ == "__main__":
    serve()
