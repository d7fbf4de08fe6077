"""Programs for those who work on llm-glam; not installed."""
