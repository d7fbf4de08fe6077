"""Keep from others what only the owner of a database may see."""
