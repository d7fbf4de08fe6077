"""Measure how well a checkpoint finds pictures."""
