"""`python -m pollux` is the command `pollux`."""

from pollux.cli import main

if __name__ == "__main__":
    main()
