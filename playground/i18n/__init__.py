"""Internationalisation: message catalogs (`locales/`), translation, and pydantic's errors."""
