"""LLM's own commands for our collections, and the tools for language models."""
