"""Fetch over HTTP within limits, from allowed addresses only."""
