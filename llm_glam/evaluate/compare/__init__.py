"""Two collections of the same pictures, side by side."""
