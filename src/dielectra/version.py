"""Version of the package, apart from its public names, so that any module may import it."""

__version__ = "0.1.0"
