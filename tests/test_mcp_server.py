"""The tools of ``dielectra mcp``, called through the client of the protocol's SDK."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from conftest import Run
from dielectra.mcp_server import Tools, make_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mcp") is None, reason="needs the extra [mcp]"),
]

EXAMPLES = Path("examples")


def call(tool: str, arguments: dict[str, Any], tools: Tools = Tools(EXAMPLES)) -> Any:  # noqa: B008
    """Return what a tool answers, or the text of its error."""
    import mcp

    async def ask() -> Any:
        async with mcp.Client(make_server(tools)) as client:
            return await client.call_tool(tool, arguments)

    answer = asyncio.run(ask())
    text = answer.content[0].text
    return text if answer.is_error else json.loads(text)


def test_the_tools_are_described() -> None:
    import mcp

    async def ask() -> Any:
        async with mcp.Client(make_server(Tools(EXAMPLES))) as client:
            return await client.list_tools()

    tools = {tool.name: tool for tool in asyncio.run(ask()).tools}
    assert set(tools) == {"predict", "derive", "compare", "suggest"}
    assert set(tools["predict"].input_schema["properties"]) >= {"structures", "level", "model", "curves", "unit"}
    assert tools["predict"].input_schema["required"] == ["structures"]


def test_predictions_are_those_of_the_command_line(run: Run) -> None:
    text = (EXAMPLES / "MgO.cif").read_text()
    answer = call("predict", {"structures": [text, "examples/GaAs.cif", "examples/nothing.cif"]})
    expected = json.loads(run("predict", "examples/MgO.cif", "examples/GaAs.cif", "--json", "--brief")[1])
    for row, known in zip(answer["crystals"], expected, strict=True):
        assert row["formula"] == known["formula"]
        assert row["eps_infinity"] == pytest.approx(known["eps_infinity"], rel=1e-5)
    (refused,) = answer["refused"]
    assert "no such file" in refused["reason"]


def test_curves_are_on_the_axis_that_was_asked_for() -> None:
    asked = {"structures": ["examples/MgO.cif"], "curves": True, "unit": "nm", "limits": "400:800", "step": 100}
    (crystal,) = call("predict", asked)["crystals"]
    assert crystal["wavelength_nm"] == [400, 500, 600, 700, 800]
    assert len(crystal["n"]["mean"]) == 5


def test_properties_and_comparisons() -> None:
    derived = call("derive", {"structures": ["examples/Si.cif"], "properties": ["index", "plasmon"]})
    assert set(derived["crystals"][0]["properties"]) == {"index", "plasmon"}
    compared = call("compare", {"structures": ["examples/Si.cif"], "sources": ["ipa", "measured"]})
    sources = [one["source"] for one in compared["crystals"][0]["compared"]]
    assert sources[0].startswith("IPA")
    assert any(source.startswith("Aspnes") for source in sources)


def test_crystals_to_label_next_are_suggested() -> None:
    found = call("suggest", {"pool": ["examples"], "n": 3})
    assert len(found["suggestions"]) == 3
    assert found["pool"] == 12


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("predict", {"structures": ["/etc/passwd"]}, "lies outside examples"),
        ("predict", {"structures": ["examples/../pyproject.toml"]}, "lies outside examples"),
        ("predict", {"structures": ["mp-149"]}, "servers are not asked"),
        ("predict", {"structures": ["-"]}, "standard input is taken"),
        ("compare", {"structures": ["examples/Si.cif"], "sources": ["/etc/x.csv"]}, "lies outside examples"),
        ("suggest", {"pool": ["/etc"], "n": 1}, "lies outside examples"),
        ("suggest", {"pool": ["examples"], "n": 1, "data": "/etc/x"}, "lies outside examples"),
        ("derive", {"structures": ["examples/Si.cif"], "properties": ["beauty"]}, "unknown property 'beauty'"),
        ("predict", {"structures": ["examples/Si.cif"], "level": "gw"}, "unknown level 'gw'"),
    ],
)
def test_what_is_not_allowed_is_an_error_with_a_reason(tool: str, arguments: dict[str, Any], message: str) -> None:
    answer = call(tool, arguments)
    assert isinstance(answer, str)
    assert message in answer


def test_the_verb_speaks_over_pipes() -> None:
    import mcp

    command = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "dielectra", "mcp", "--folder", str(EXAMPLES)], env=dict(os.environ)
    )

    async def ask() -> Any:
        async with mcp.Client(command) as client:
            return await client.call_tool("predict", {"structures": ["examples/NaCl.cif"]})

    (row,) = json.loads(asyncio.run(ask()).content[0].text)["crystals"]
    assert row["formula"] == "NaCl"


def test_without_the_sdk_the_way_out_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    code, _, err = run("mcp")
    assert code == 2
    assert "pip install 'dielectra[mcp]'" in err
