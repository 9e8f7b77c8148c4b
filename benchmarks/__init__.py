"""Side-by-side timings of the course's training loop and of other ways to do the same work."""
