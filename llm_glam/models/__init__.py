"""Registered names and the encoders that are loaded for them."""
