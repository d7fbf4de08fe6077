"""Serve the site on this computer."""
