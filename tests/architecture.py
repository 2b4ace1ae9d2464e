"""The rules of the house that no linter knows. Each rule takes a file's path and text and tells what breaks it."""

import ast
import re
import sys
from collections.abc import Callable, Iterator

Rule = Callable[[str, str], list[str]]

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 40
MOST_LINES_OF_A_TEMPLATE = 120

TOP = {
    *("manage.py", "pyproject.toml", "README.md", "Makefile", "CHANGELOG.md", "requirements"),
    *("portal", "backups", "environments", "templates", "static", "tests"),
}
# Optional dependencies are imported inside the one file that wraps them.
MAY_IMPORT_INSIDE: set[str] = set()
MAY_START_PROGRAMS = (
    "environments/programs.py",
    "environments/guard.py",  # the guard becomes the program's parent
    "portal/demo/",
    "portal/management/commands/demo.py",
    "portal/management/commands/work.py",
)
STARTERS = {"subprocess", "multiprocessing", "pty"}
OS_STARTERS = re.compile(r"^(exec|spawn|posix_spawn|fork|popen|system)")
BANNED = {
    *("manager", "managers", "service", "services", "handler", "handlers", "processor", "util", "utils"),
    *("helper", "helpers", "data", "info", "obj", "temp", "do", "process", "execute"),
}
# Words of the contract (a command; app services; the moment of the data; the data directory), a machine's own
# processes, and names that a library prescribes.
ALLOWED = re.compile(
    r"^_?(upload_data|app_services?|AppServices?\w*|services?|SERVICES?|\w+_services|data_at|is_data_later|\w*data_dir\w*"
    r"|DATA_DIR|PORTAL_DATA_DIR|process|do_(GET|HEAD|POST)|objects|cleaned_data|get_context_data|sig_handler"
    r"|receive_data_chunk|handler500)$"
)
# What a room may not see of Django and the outside, where import-linter knows only whole packages.
UNSEEN = {
    "backups/engines/": ("django.db", "django.http", "django.forms", "django.shortcuts", "django.contrib"),
    "backups/storage/": ("django.db", "django.http", "django.forms", "django.shortcuts", "django.contrib"),
    "backups/operations/": (
        "django.http",
        "django.forms",
        "django.shortcuts",
        "django.urls",
        "django.template",
        "json",
    ),
    "environments/operations/": ("django.http", "django.forms", "django.shortcuts", "django.urls", "json"),
    "environments/lifecycle/": ("django.http", "django.forms", "django.shortcuts"),
    "backups/models/": ("django.http", "django.forms", "django.shortcuts", "django.conf"),
}


def has_a_caption(path: str, text: str) -> list[str]:
    """The first line of every module says what the room is for; only an empty file says nothing."""
    return [] if not text.strip() or ast.get_docstring(ast.parse(text)) else [f"{path} has no caption"]


def imports_at_the_top(path: str, text: str) -> list[str]:
    """No import inside a function."""
    if path in MAY_IMPORT_INSIDE:
        return []
    inner = [node for function in _functions(text) for node in ast.walk(function)]
    return [f"{path}:{node.lineno} imports inside a function" for node in inner if isinstance(node, _IMPORTS)]


def starts_no_program(path: str, text: str) -> list[str]:
    """Only programs.py starts programs: guarded, as a stream, with its last words."""
    if path.startswith(MAY_START_PROGRAMS):
        return []
    tree = ast.parse(text)
    found = [f"{path} imports {name}" for name in _imported(tree) if name.split(".")[0] in STARTERS]
    for node in ast.walk(tree):
        is_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
        if is_os and OS_STARTERS.match(node.attr):  # type: ignore[attr-defined]
            found.append(f"{path}:{node.lineno} calls os.{node.attr}")  # type: ignore[attr-defined]
    return found


def opens_no_vault(path: str, text: str) -> list[str]:
    """Only storage/ opens the vault."""
    if path.startswith("backups/storage/"):
        return []
    names = {"django.core.files.storage.storages", "django.core.files.storage.default_storage"}
    return [f"{path} opens a storage" for name in _imported(ast.parse(text)) if name in names]


def sees_only_its_room(path: str, text: str) -> list[str]:
    """No requests in operations, no rows in tool rooms."""
    unseen = next((names for room, names in UNSEEN.items() if path.startswith(room)), ())
    return [
        f"{path} imports {name}"
        for name in _imported(ast.parse(text))
        if any(name == one or name.startswith(f"{one}.") for one in unseen)
    ]


def decides_by_words_alone(path: str, text: str) -> list[str]:
    """Policy imports the standard library, the words, and itself."""
    if not path.startswith("backups/policy/"):
        return []
    words = re.compile(r"(environments|\.|\.\.)\.?choices\.|\.[a-z]")
    return [
        f"{path} imports {name}"
        for name in _imported(ast.parse(text))
        if name.split(".")[0] not in sys.stdlib_module_names and not words.match(name)
    ]


def names_by_the_glossary(path: str, text: str) -> list[str]:
    """No name that means anything and nothing."""
    stem = path.rsplit("/", 1)[-1].removesuffix(".py")
    names = [(stem, 1), *_defined(ast.parse(text))]
    return [f"{path}:{line} is called {name}" for name, line in names if _is_banned(name, path)]


def is_short(path: str, text: str) -> list[str]:
    """Files and functions that can be read at a sitting."""
    found = [f"{path} has {len(text.splitlines())} lines"] if len(text.splitlines()) > MOST_LINES_OF_A_FILE else []
    for function in _functions(text):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > MOST_LINES_OF_A_FUNCTION:
            found.append(f"{path}:{function.name} has {lines} lines")
    return found


def is_a_short_template(path: str, text: str) -> list[str]:
    lines = len(text.splitlines())
    return [f"{path} has {lines} lines"] if lines > MOST_LINES_OF_A_TEMPLATE else []


def belongs_at_the_top(entries: set[str]) -> list[str]:
    """What lies beside manage.py and is neither in the plan nor a dotfile."""
    return sorted(name for name in entries if name not in TOP and not name.startswith("."))


RULES: list[Rule] = [
    has_a_caption,
    imports_at_the_top,
    starts_no_program,
    opens_no_vault,
    sees_only_its_room,
    decides_by_words_alone,
    names_by_the_glossary,
    is_short,
]

_IMPORTS = (ast.Import, ast.ImportFrom)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _functions(text: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, _FUNCTIONS)]


def _imported(tree: ast.Module) -> Iterator[str]:
    """Full names; relative ones with their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (f"{node.module}." if node.module else "")
            yield from (f"{start}{alias.name}" for alias in node.names)


def _defined(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def _is_banned(name: str, path: str) -> bool:
    is_admin = "/admin/" in path or path.endswith("admin.py")
    if ALLOWED.match(name) or (name == "obj" and is_admin):  # Django's own word there
        return False
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return bool({word.lower() for word in words} & BANNED)
