"""The demo: pictures drawn by code, with their records, and a checkpoint that knows them.

The finds, their places and their numbers are invented; the drawings are CC0.
"""
