"""Run the command as `python -m course.cli`."""

from course.cli.main import main

if __name__ == "__main__":
    main()
