"""Fetch structures from OPTIMADE servers and the Materials Project; only sources that say so reach the network.

``optimade:URL?filter=...`` is a query, or one structure (``.../structures/ID``), of any server that speaks OPTIMADE 1
(M. L. Evans et al., Digital Discovery 3, 1509, 2024). ``mp-149`` is a material of the Materials Project; its key is
taken from the environment variable ``MP_API_KEY``, as the project's own client does.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from dielectra.errors import InputError
from dielectra.files import MEBIBYTE
from dielectra.parsing import parse_json
from dielectra.structures.content import Content

OPTIMADE = "optimade:"
MATERIAL = re.compile(r"(mp|mvc)-\d+")

KEY_VARIABLE = "MP_API_KEY"
ENDPOINT_VARIABLE = "MP_API_ENDPOINT"
MATERIALS_PROJECT = "https://api.materialsproject.org/"

CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
"""How long a server may take to be reached, and to send its next piece."""

PAGE_SECONDS = 120.0
"""How long a page may take in all."""

LARGEST_PAGE = 32 * MEBIBYTE
LARGEST_QUERY = 512 * MEBIBYTE
PAGE_STRUCTURES = 100
"""Structures that are asked for at a time."""

MOST_PAGES = 1000

FIELDS = (
    "lattice_vectors",
    "cartesian_site_positions",
    "species",
    "species_at_sites",
    "structure_features",
    "dimension_types",
)


def is_remote(source: str) -> bool:
    """Return whether a source names structures of a server."""
    return source.startswith(OPTIMADE) or MATERIAL.fullmatch(source) is not None


def open_remote(source: str) -> Iterator[tuple[str, Content | InputError]]:
    """Yield the structures of a source, each under its name with its content, or the error that ended the query."""
    try:
        yield from _optimade(source) if source.startswith(OPTIMADE) else _material(source)
    except InputError as error:
        yield source, error


def _optimade(source: str) -> Iterator[tuple[str, Content]]:
    """Yield the structures of all pages of a query."""
    url, parameters = optimade_address(source)
    host, left, next_url, some = urlsplit(url).netloc, LARGEST_QUERY, url, False
    for _ in range(MOST_PAGES):
        page = _get(next_url, parameters, {}, source)
        left -= len(page)
        if left < 0:
            raise InputError(f"{source}: more than {LARGEST_QUERY / MEBIBYTE:g} MiB; narrow the filter")
        document = parse_json(page.decode("utf-8", "replace"), source)
        entries = document.get("data") if isinstance(document, dict) else None
        if entries is None or not isinstance(entries, list | dict):
            raise InputError(f"{source}: the answer holds no data; is this the address of an OPTIMADE server?")
        for entry in [entries] if isinstance(entries, dict) else entries:
            some = True
            name = f"{host}/{entry.get('id', '?')}" if isinstance(entry, dict) else host
            yield name, Content(name, "structure.json", json.dumps({"data": entry}).encode())
        following = _next_link(document, next_url)
        if following is None and not some:
            raise InputError(f"{source}: no structure of {host} matches")
        if following is None:
            return
        if urlsplit(following).netloc != host:
            raise InputError(f"{source}: the next page lies on another server ({following[:100]}); not followed")
        next_url, parameters = following, {}
    raise InputError(f"{source}: more than {MOST_PAGES} pages; narrow the filter")


def optimade_address(source: str) -> tuple[str, dict[str, str]]:
    """Return the address and the parameters of a query.

    Parameters
    ----------
    source
        ``optimade:`` and the base address of a server, with or without ``/v1`` and ``/structures``, then ``?filter=``
        and a filter in OPTIMADE's language, as it is or percent-encoded.

    Raises
    ------
    InputError
        If it is no address of http or https.
    """
    address = source.removeprefix(OPTIMADE)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(
            f"{source}: give the address of a server, such as optimade:https://example.org/optimade?filter="
        )
    path = parts.path.rstrip("/")
    if "/structures" not in path:
        path += "/structures" if re.search(r"/v\d+(\.\d+)*$", path) else "/v1/structures"
    given = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))
    fixed = {"response_format": "json", "response_fields": ",".join(FIELDS)}
    single = not path.endswith("/structures")
    defaults = {} if single else {"page_limit": str(PAGE_STRUCTURES)}
    return f"{parts.scheme}://{parts.netloc}{path}", defaults | given | fixed


def _material(name: str) -> Iterator[tuple[str, Content]]:
    """Yield a material of the Materials Project."""
    key = os.environ.get(KEY_VARIABLE)
    if not key:
        raise InputError(
            f"{name}: a material of the Materials Project needs your key in the environment variable {KEY_VARIABLE} "
            "(https://materialsproject.org/api); a file of that name was not found"
        )
    endpoint = os.environ.get(ENDPOINT_VARIABLE) or MATERIALS_PROJECT
    url = urljoin(f"{endpoint.rstrip('/')}/", "materials/core/")
    parameters = {"material_ids": name, "_fields": "material_id,structure", "_limit": "1"}
    document = parse_json(_get(url, parameters, {"X-API-KEY": key}, name).decode("utf-8", "replace"), name)
    entries = document.get("data") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        raise InputError(f"{name}: the Materials Project knows no such material")
    yield name, Content(name, "structure.json", json.dumps(entries[0].get("structure")).encode())


def _get(url: str, parameters: Mapping[str, str], headers: Mapping[str, str], source: str) -> bytes:
    """Return what a server answers, within limits of time and size; a key is never sent on to another address."""
    import requests

    until = time.monotonic() + PAGE_SECONDS
    try:
        with requests.get(
            url,
            params=dict(parameters),
            headers={"Accept": "application/json", **headers},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            stream=True,
            allow_redirects=not headers,
        ) as answer:
            body = b""
            for piece in answer.iter_content(2**16):
                body += piece
                if len(body) > LARGEST_PAGE:
                    raise InputError(f"{source}: a page of more than {LARGEST_PAGE / MEBIBYTE:g} MiB; lower page_limit")
                if time.monotonic() > until:
                    raise InputError(f"{source}: the server took more than {PAGE_SECONDS:g} s for a page; try later")
    except requests.RequestException as error:
        raise InputError(f"{source}: {urlsplit(url).netloc} cannot be reached ({type(error).__name__})") from error
    if answer.status_code != requests.codes.ok:
        raise InputError(f"{source}: {urlsplit(url).netloc} answers {answer.status_code}{_details(body)}")
    return body


def _details(body: bytes) -> str:
    """Return what a server says of an error, where it says it as OPTIMADE does."""
    try:
        errors = json.loads(body)["errors"]
        return ": " + "; ".join(str(error.get("detail") or error.get("title")) for error in errors)[:300]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _next_link(document: Any, url: str) -> str | None:
    """Return the address of the next page, None on the last."""
    links = document.get("links")
    following = links.get("next") if isinstance(links, dict) else None
    if isinstance(following, dict):
        following = following.get("href")
    return urljoin(url, following) if isinstance(following, str) and following else None
