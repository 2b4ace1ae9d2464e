"""An operator's own commands: what their exit codes mean, and what is said when they do not do it."""

import shlex
import sys
from pathlib import Path

import pytest

from environments.choices import State
from environments.errors import RuntimeRefused
from environments.runtimes import command
from environments.runtimes.by_hand import ByHandRuntime
from environments.runtimes.choose import means_of, runtime_of
from environments.runtimes.command import CommandRuntime
from environments.runtimes.supervisor import SupervisorRuntime
from tests.factories import EnvironmentFactory


def quiet() -> None: ...


def running(code: str) -> str:
    return shlex.join([sys.executable, "-I", "-S", "-c", code])


def runtime(**commands: str) -> CommandRuntime:
    return CommandRuntime(commands, {"PORTAL_APP": "order-desk", "PORTAL_ENVIRONMENT": "live"})


@pytest.mark.parametrize(
    ("code", "state"),
    [(0, State.RUNNING), (1, State.STOPPED), (3, State.STOPPED), (2, State.UNKNOWN), (127, State.UNKNOWN)],
)
def test_the_exit_code_tells_the_state(code: int, state: State) -> None:
    assert runtime(status=running(f"raise SystemExit({code})")).status() == state


@pytest.mark.parametrize("line", ["/no/such/program", "'unbalanced", ""])
def test_a_command_that_cannot_be_run_tells_nothing(line: str) -> None:
    assert runtime(status=line).status() == State.UNKNOWN


def test_a_command_that_hangs_is_ended_and_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LIMIT_SECONDS", 0.5)

    assert runtime(status=running("import time; time.sleep(60)")).status() == State.UNKNOWN
    with pytest.raises(RuntimeRefused, match="did not end within"):
        runtime(stop=running("import time; time.sleep(60)")).stop(quiet)


def test_a_failing_stop_says_what_it_said() -> None:
    failing = runtime(stop=running("import sys; sys.exit('unit not found')"))

    with pytest.raises(RuntimeRefused, match=r"exit code 1\. It said: unit not found"):
        failing.stop(quiet)


def test_commands_are_never_a_shells(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    runtime(stop=f"{sys.executable} -c 'pass' ; touch {trace}").stop(quiet)

    assert not trace.exists()


def test_commands_are_told_which_environment_it_is(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    runtime(start=running(f"import os; open({str(trace)!r}, 'w').write(os.environ['PORTAL_ENVIRONMENT'])")).start(quiet)

    assert trace.read_text() == "live"


def test_the_packages_versions_stand_behind_the_deploy_command(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    deploying = runtime(deploy=running(f"import sys; open({str(trace)!r}, 'w').write(' '.join(sys.argv[1:]))"))

    assert deploying.deploy(["1.4.2", "7.23.3", "/a file"], quiet)
    assert trace.read_text() == "1.4.2 7.23.3 /a file"
    assert not deploying.undeploy(quiet)


def test_the_runtime_is_chosen_by_what_is_registered() -> None:
    def chosen(**commands: str) -> type:
        return type(runtime_of(EnvironmentFactory.build(commands=commands)))

    assert chosen() is ByHandRuntime
    assert chosen(status="true") is CommandRuntime
    assert chosen(supervisor="/run/supervisor.sock app", status="true") is SupervisorRuntime
    with pytest.raises(RuntimeRefused, match="Stop it yourself"):
        runtime_of(EnvironmentFactory.build(commands={})).stop(quiet)


def test_an_app_that_cannot_be_asked_may_have_a_deploy_command_all_the_same(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    commands = {"deploy": running(f"import sys; open({str(trace)!r}, 'w').write(sys.argv[1])")}

    assert runtime_of(EnvironmentFactory.build(commands=commands)).deploy(["1.4.2"], quiet)
    assert trace.read_text() == "1.4.2"


@pytest.mark.parametrize(
    ("commands", "means"),
    [
        ({}, ("", False, False, False)),
        ({"stop": "a", "start": "b", "deploy": "c"}, ("", False, False, True)),
        ({"status": "s", "start": "b"}, ("its status command", False, True, False)),
        ({"supervisor": "/run/s.sock app", "deploy": "c"}, ("supervisord", True, True, True)),
    ],
)
def test_what_the_portal_can_do_is_what_is_registered(commands: dict[str, str], means: tuple[object, ...]) -> None:
    assert means_of(EnvironmentFactory.build(commands=commands)) == means


@pytest.mark.parametrize("line", ["{files} behind", ""])
def test_the_files_command_is_told_the_address_as_a_word(tmp_path: Path, line: str) -> None:
    trace = tmp_path / "trace"
    code = f"import sys; open({str(trace)!r}, 'w').write('|'.join(sys.argv[1:]))"
    address = "s3://bucket/up loads.portal-1?endpoint=http://a"

    assert runtime(files=f"{running(code)} {line}").use_files(address, quiet)

    assert trace.read_text() == (f"{address}|behind" if line else address)


def test_without_a_files_command_nothing_is_told() -> None:
    assert not runtime().use_files("s3://bucket/uploads", quiet)
    with pytest.raises(RuntimeRefused, match="files command ended with exit code 4"):
        runtime(files=running("raise SystemExit(4)")).use_files("s3://bucket/uploads", quiet)
