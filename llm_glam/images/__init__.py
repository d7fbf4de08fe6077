"""Picture files: find them, decode them to upright RGB, and reduce them."""
