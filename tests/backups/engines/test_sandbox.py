"""A dump is read where it can do little: no network, no more privileges, little room, nothing of the portal's."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from backups.engines import sandbox
from backups.engines.postgresql import check_dump
from backups.engines.sandbox import NO_NETWORK, NO_PRIVILEGES, confined
from backups.engines.toc import read_toc
from backups.engines.tools import Tools
from environments.addresses import DatabaseAddress
from environments.programs import GUARD, Program

BY_SOCKET = DatabaseAddress("/run/somewhere", 5432, "shop", "shop", "")
BY_NETWORK = DatabaseAddress("127.0.0.1", 5432, "shop", "shop", "")
PYTHON = (sys.executable, "-I", "-S", "-c")
TELLS = """
import json, os, resource
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
limits = [resource.getrlimit(one)[0] for one in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)]
network = os.readlink("/proc/self/ns/net")
print("; " + json.dumps([dict(os.environ), status["NoNewPrivs"], limits, network]))
"""


def asked(port: int, *options: str) -> int:
    """How it ends for a program that wants to reach a port of this machine."""
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
    with Program([*PYTHON, code], environ={}, confined=options) as program:
        program.wait(lambda: None)
        return program.exit_code


def test_what_a_program_gives_up_depends_on_where_it_must_go() -> None:
    for server in (None, BY_SOCKET):
        assert (NO_NETWORK in confined(server)) is sandbox.is_possible(NO_NETWORK)
    assert NO_NETWORK not in confined(BY_NETWORK)
    assert (NO_PRIVILEGES in confined(BY_NETWORK)) is sandbox.is_possible(NO_PRIVILEGES)


def test_what_the_machine_does_not_allow_is_told_and_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "is_possible", lambda option: option != NO_NETWORK)

    assert sandbox.missing() == ["network"]
    assert NO_NETWORK not in confined()
    assert NO_PRIVILEGES in confined()


def test_there_is_no_network_where_the_machine_allows_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert asked(port) == 0
        assert asked(port, *confined(BY_NETWORK)) == 0
        assert (asked(port, *confined()) != 0) is sandbox.is_possible(NO_NETWORK)


def test_a_socket_in_the_file_system_stays_in_reach(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(tmp_path / 's')!r})"
        with Program([*PYTHON, code], environ={}, confined=confined(BY_SOCKET)) as program:
            program.check()


def test_whoever_is_not_root_leaves_the_network_by_a_namespace_of_their_own() -> None:
    """As root without the capability, or as who runs the tests: either way the machine's own answer counts."""
    before = ["setpriv", "--bounding-set=-sys_admin"] if os.geteuid() == 0 else []
    may = subprocess.run([*before, "unshare", "--user", "--net", "true"], check=False, stderr=subprocess.DEVNULL)
    script = f"""
import subprocess, os, sys
guard = [sys.executable, "-I", "-S", {str(GUARD)!r}, str(os.getpid()), "--no-network", "--"]
sys.exit(subprocess.run([*guard, {shutil.which("readlink")!r}, "/proc/self/ns/net"]).returncode)
"""
    ended = subprocess.run([*before, *PYTHON, script], capture_output=True, text=True, check=False)

    assert (ended.returncode == 0) is (may.returncode == 0), ended.stderr
    assert ended.stdout.strip() != str(Path("/proc/self/ns/net").readlink())


def test_a_program_that_cannot_be_confined_is_not_started() -> None:
    with Program([*PYTHON, "print('started')"], environ={}, confined=["--no-such-thing=1"]) as program:
        assert b"".join(program.stream()) == b""
        assert program.exit_code == 127


def test_more_memory_than_agreed_is_not_given() -> None:
    code = f"bytearray({sandbox.MEMORY_BYTES + 1})"
    with Program([*PYTHON, code], environ={}, confined=confined()) as program:
        program.wait(lambda: None)
        assert "MemoryError" in program.last_words


def test_reading_a_dump_gives_everything_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SECRETS_KEYS", "a secret of the portal's")
    (tmp_path / "pg_restore").write_text(f"#!{sys.executable} -I\n{TELLS}")
    (tmp_path / "pg_restore").chmod(0o755)
    tools = Tools(tmp_path, "17.10", 17, has_zstd=True)
    heard: list[bytes] = []
    monkeypatch.setattr("backups.engines.toc.parse_toc", heard.append)

    read_toc(tmp_path / "dump", tools)
    check_dump([b""], tools)

    environ, privileges, limits, network = json.loads(str(heard[0]).removeprefix("; "))
    assert set(environ) - {"LC_CTYPE"} == {"PATH", "LC_ALL"}
    assert privileges == "1"
    assert limits == [sandbox.MEMORY_BYTES, sandbox.CPU_SECONDS, sandbox.FILE_BYTES]
    assert (network != str(Path("/proc/self/ns/net").readlink())) is sandbox.is_possible(NO_NETWORK)
