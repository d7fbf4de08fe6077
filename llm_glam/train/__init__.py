"""Train checkpoints on a user's own pictures and captions."""
