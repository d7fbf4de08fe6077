"""Train in epochs: learners, evaluation, and state to resume from."""
