"""Look for words in the records of pictures, by the full-text index of the items table."""
