"""Seeded simulators and texts; nothing is downloaded."""
