"""Texts made or kept for training."""
