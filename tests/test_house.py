"""The house keeps its own rules: sizes, help, documents."""

import ast
import re
from importlib.metadata import entry_points
from itertools import chain
from pathlib import Path

import click
import pytest

import archive.errors
from archive.cli import group
from archive.errors import MorgueError

ROOT = Path(__file__).parent.parent
SOURCES = sorted(chain.from_iterable((ROOT / name).rglob("*.py") for name in ("archive", "spiders", "dags")))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_file_passes_650_lines_and_no_function_60(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 650
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def commands() -> list[tuple[str, click.Command]]:
    """Every command and subcommand, by its name as typed."""
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", command.commands[sub]) for sub in command.commands]
        else:
            found.append((name, command))
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda v: v if isinstance(v, str) else "")
def test_every_command_has_an_example_in_its_help(name: str, command: click.Command) -> None:
    example = r"Example:\s.*morgue " + name.split(maxsplit=1)[0]
    assert re.search(example, command.help or "", re.S), command.help


def test_every_plugin_command_can_be_loaded() -> None:
    assert {p.name for p in entry_points(group="newsmorgue.commands")} <= {
        n.split()[0] for n, _ in commands()
    }


def test_every_morgue_command_in_the_readme_exists() -> None:
    names = {name.split()[0] for name, _ in commands()}
    used = set(re.findall(r"^morgue ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.M))
    assert used
    assert used <= names


def test_every_setting_is_in_the_operators_book() -> None:
    text = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    source = (ROOT / "archive" / "config.py").read_text(encoding="utf-8")
    assert set(re.findall(r"MORGUE_[A-Z_]+", source)) <= set(re.findall(r"MORGUE_[A-Z_]+", text))


def test_every_error_stands_in_the_tree_that_the_errors_file_draws() -> None:
    drawn = set(re.findall(r"\w+", archive.errors.__doc__ or ""))
    kinds = {n for n, v in vars(archive.errors).items() if isinstance(v, type) and issubclass(v, MorgueError)}
    assert kinds <= drawn


def test_every_module_is_named_in_the_design() -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    modules = {p.stem for p in SOURCES if p.parent.name in ("archive", "spiders", "morgue_airflow")}
    assert {m for m in modules if not m.startswith("_")} <= set(re.findall(r"\w+", text))


def test_no_file_names_a_package_index() -> None:
    hosts = re.compile(r"pypi\.org|pythonhosted|npmjs\.org|registry\.npm")
    texts = [
        *ROOT.glob("*"),
        *ROOT.glob("requirements/*"),
        *ROOT.glob("docs/*"),
        *ROOT.glob(".ci/*"),
        *SOURCES,
    ]
    for path in (p for p in texts if p.is_file() and p.suffix not in (".tgz", ".pyc")):
        assert not hosts.search(path.read_text(encoding="utf-8", errors="replace")), path
