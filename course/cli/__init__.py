"""The command `course`: `main` gathers the commands, each in a module of its own."""
