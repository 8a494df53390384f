"""Routers, one module a subject; each is included under /api."""
