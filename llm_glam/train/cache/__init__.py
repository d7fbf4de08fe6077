"""What is computed of pictures and texts once, and kept in files."""
