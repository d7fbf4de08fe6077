"""What people look for to ranked items, by an index of the vectors."""
