"""Towers that learn, through sentence-transformers' trainer; imported only where they do."""
