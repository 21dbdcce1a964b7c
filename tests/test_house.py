"""The house rules, run as a test: where a rule had no machine, it drifted."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "holdfast"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LINES_MAX = 350
KERNEL_LINES_MAX = 500  # kernels that share their inner parts stay together
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "handler", "misc", "base_utils"}
SEEDED = PACKAGE / "risk" / "draws.py"  # the one place where draws are made, from a seed
PURE = ("market", "detectors", "risk", "policy", "engine", "venues", "response")
IMPURE_CALLS = re.compile(
    r"\bdatetime\.(now|utcnow|today)\(|\bdate\.today\(|(?<![\w.])open\(|(?<![\w.])print\(|(?<![\w.])input\("
    r"|\bnp\.random\b|\bnumpy\.random\b|\bdefault_rng\(|\burllib\.request\b|\buuid[14]\("
)
# spelled in pieces, so that this file passes its own rule
_HOSTS = (("pypi", "org"), ("registry", "npmjs"), ("proxy", "golang"), ("crates", "io"), ("anaconda", "org"))
_FOLDERS = (
    ("opt", "pypi"),
    ("opt", "wheels"),
    ("root", ""),
    ("home", "[a-z]"),
    ("work", ""),
    ("Users", "[a-z]"),
)
ADDRESS = re.compile(
    "|".join(
        (
            *(r"\.".join(host) for host in _HOSTS),
            *("/" + "/".join(folder) for folder in _FOLDERS),
            "python" + "hosted",
            "index[-_]url" + r"[= ]+[^-\s]",
            "find-links" + r"[= ]+[/\w.]",
            "file" + "://",
        )
    ),
    re.IGNORECASE,
)
SPELLS_ADDRESSES = {"tests/test_house.py"}  # its examples of leaks


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _committed() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listing.stdout.decode().splitlines() if (path := ROOT / name).is_file()]


def _limits(tree: ast.Module) -> Iterator[str]:
    """Yield the names of module constants that say they are limits in words other than `_max`."""
    for node in tree.body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        for target in targets:
            if isinstance(target, ast.Name) and re.match(r"MAX_|.*_LIMIT$|LIMIT_|MAXIMUM_", target.id):
                yield target.id


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_source_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    lines = text.count("\n")
    assert lines <= (KERNEL_LINES_MAX if "@njit" in text else LINES_MAX), (
        f"{_name(path)} has {lines} lines: one idea a file"
    )
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{_name(path)} does not say what it is"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_name_says_what_is_inside_and_a_limit_ends_in_max(path: Path) -> None:
    vague = VAGUE & {part.removesuffix(".py") for part in path.relative_to(PACKAGE).parts}
    assert not vague, f"{_name(path)} is named after nothing"
    misnamed = list(_limits(ast.parse(path.read_text())))
    assert not misnamed, f"{_name(path)}: a limit's name ends in _max: {misnamed}"


def test_a_limit_named_otherwise_is_found() -> None:
    assert list(_limits(ast.parse("MAX_LEVELS = 3\nBOOK_LIMIT: int = 2\nLEVELS_MAX = 3\n"))) == [
        "MAX_LEVELS",
        "BOOK_LIMIT",
    ]


@pytest.mark.parametrize(
    "path",
    [p for p in SOURCES if p.relative_to(PACKAGE).parts[0].removesuffix(".py") in PURE and p != SEEDED],
    ids=_name,
)
def test_the_core_asks_the_world_nothing(path: Path) -> None:
    code = "\n".join(line.split("#")[0] for line in path.read_text().splitlines())
    found = IMPURE_CALLS.search(code)
    assert not found, f"{_name(path)} calls {found[0]}"


def test_the_pure_core_contract_names_every_part_that_exists() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    named = {module for contract in contracts for module in contract.get("source_modules", [])}
    existing = {
        f"holdfast.{part}" for part in PURE if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file()
    }
    assert existing <= named


def test_every_test_file_has_a_name_of_its_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_eleven_folders_are_the_ceiling() -> None:
    folders = [path for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()]
    assert len(folders) <= 11


def test_no_committed_file_knows_a_registry_or_a_machine() -> None:
    found: list[str] = []
    for path in _committed():
        if _name(path) in SPELLS_ADDRESSES or path.suffix in {".png", ".ico", ".svg"}:
            continue
        text = path.read_text(errors="replace")
        found += [f"{_name(path)}: {match[0]}" for match in ADDRESS.finditer(text)]
    assert not found


@pytest.mark.parametrize(
    "leak", ["--index-url https://a", "see /home/ann/x", "https://PyPI.org/simple", "file:///tmp"]
)
def test_a_leak_is_found(leak: str) -> None:
    assert ADDRESS.search(leak)


def test_every_requirement_is_pinned_with_a_hash() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        entries = re.split(r"\n(?=\S)", path.read_text().strip())
        assert entries, path
        for entry in entries:
            assert re.match(r"[\w.\-\[\]]+==\S+", entry), f"{path.name}: {entry[:60]}"
            assert "--hash=sha256:" in entry, f"{path.name}: {entry[:60]}"


def test_the_core_pins_cover_what_the_package_declares() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = set(re.findall(r"^([\w.\-]+)==", (ROOT / "requirements" / "core.txt").read_text(), re.MULTILINE))
    assert {re.match(r"[\w.\-]+", entry)[0] for entry in declared} <= pinned  # type: ignore[index]


def test_the_development_pins_agree_with_the_core_pins() -> None:
    core, dev = ((ROOT / "requirements" / name).read_text() for name in ("core.txt", "dev.txt"))
    pins = re.compile(r"^(\S+==\S+)", re.MULTILINE)
    assert set(pins.findall(core)) <= set(pins.findall(dev))
