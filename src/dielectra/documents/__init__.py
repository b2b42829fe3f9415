"""Documents: what command line, API, files and docs say of a result, each defined once (pydantic)."""
