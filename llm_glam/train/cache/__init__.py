"""Cache in files what is computed once from pictures and texts."""
