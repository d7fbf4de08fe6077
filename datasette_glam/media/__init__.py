"""Pictures: what visitors send, and what they are shown."""
