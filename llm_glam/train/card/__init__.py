"""The model card of a trained checkpoint."""
