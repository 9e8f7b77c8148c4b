"""The mathematics of beliefs and their costs."""
