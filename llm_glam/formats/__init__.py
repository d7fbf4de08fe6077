"""Files of any content: tables, archives and Markdown. Knows nothing of pictures."""
