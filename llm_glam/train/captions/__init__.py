"""Texts derived or provided for training."""
