"""File formats: tables, archives and Markdown; nothing here is specific to pictures."""
