"""Train towers with sentence-transformers' trainer; imported only when needed."""
