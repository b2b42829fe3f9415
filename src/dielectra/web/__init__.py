"""The web page and its JSON API: they call the Python API and have no logic of their own (extra ``web``)."""
