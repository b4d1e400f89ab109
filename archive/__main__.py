"""`python -m archive` is `morgue`."""

from archive.cli import main

main()
