"""What is decided about a table before its rows are read: its encoding, for instance."""
