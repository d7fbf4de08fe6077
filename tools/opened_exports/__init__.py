"""Open what llm-glam exports in the programs that it is for, and compare."""
