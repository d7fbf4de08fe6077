"""The files of a checkpoint on disk: their layout, what completes them, and their fingerprint."""
