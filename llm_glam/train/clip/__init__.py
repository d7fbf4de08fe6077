"""The parts of a CLIP that learn, and the loss they learn by."""
