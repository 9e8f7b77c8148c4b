"""Learning: optimizers, schedules and the compiled training loop."""
