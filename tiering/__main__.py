"""`python -m tiering`: the command line."""

from tiering.cli.main import main

if __name__ == "__main__":
    main()
