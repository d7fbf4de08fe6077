"""The trainable parts of a CLIP, and its loss."""
