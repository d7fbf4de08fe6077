"""Pictures with their captions, from tables and collections."""
