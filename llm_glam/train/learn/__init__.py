"""Epochs: what learns, how it is measured, and where it can be taken up again."""
