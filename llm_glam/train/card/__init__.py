"""The card of a trained checkpoint."""
