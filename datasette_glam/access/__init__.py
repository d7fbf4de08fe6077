"""Permissions: which pages, tables and models an actor may use."""
