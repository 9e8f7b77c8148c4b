"""Fixtures that tests in several folders share."""

from tests.support.chromium import chromium, chromium_path

__all__ = ["chromium", "chromium_path"]
