"""Fixtures that tests in several folders share."""

from tests.chromium import chromium, chromium_path

__all__ = ["chromium", "chromium_path"]
