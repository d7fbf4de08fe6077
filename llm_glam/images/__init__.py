"""Picture files: found, decoded to upright RGB, and made smaller."""
