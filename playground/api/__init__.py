"""The HTTP API and the Gradio endpoints."""
