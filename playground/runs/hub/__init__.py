"""Models from the Hub: found, pinned, fetched, kept on this disk."""
