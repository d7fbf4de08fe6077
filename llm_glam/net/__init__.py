"""HTTP within limits: what is fetched, and from which addresses."""
