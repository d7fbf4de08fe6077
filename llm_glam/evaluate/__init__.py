"""How well a checkpoint finds pictures, in figures."""
