"""What a language model is: torch, numpy and the standard library, and no side effects."""
