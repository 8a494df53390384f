"""Models that learn while somebody watches, each in a process of its own."""
