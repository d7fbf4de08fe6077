"""Registered names and the encoders loaded for them."""
