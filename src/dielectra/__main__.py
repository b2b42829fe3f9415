"""Run the command line as ``python -m dielectra``, for torchrun."""

from dielectra.cli import main

main()
