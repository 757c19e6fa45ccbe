"""The command line, where its program is not at hand: `python -m agents.cli`."""

from agents.cli import main

if __name__ == "__main__":
    main()
