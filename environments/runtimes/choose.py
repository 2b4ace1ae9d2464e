"""Which runtime an environment has."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from ..choices import State
from ..models import Environment
from .by_hand import ByHandRuntime
from .command import CommandRuntime
from .supervisor import SupervisorRuntime


class Runtime(Protocol):
    """How an app is really stopped, started and asked. `beat` is called while something takes its time.

    Everything that does something raises RuntimeRefused when it was not done. What has a bool for an answer says
    False when the environment has no command for it: then only the portal's record changes.
    """

    def status(self) -> State: ...

    def stop(self, beat: Callable[[], None]) -> None: ...

    def start(self, beat: Callable[[], None]) -> None: ...

    def deploy(self, arguments: Sequence[str], beat: Callable[[], None]) -> bool: ...

    def undeploy(self, beat: Callable[[], None]) -> bool: ...

    def unpublish_services(self, beat: Callable[[], None]) -> bool: ...

    def publish_services(self, beat: Callable[[], None]) -> bool: ...

    def use_files(self, address: str, beat: Callable[[], None]) -> bool: ...


def runtime_of(environment: Environment) -> Runtime:
    """The environment's runtime: supervisord's program, else its own commands, else people's hands."""
    commands = environment.commands
    own = CommandRuntime(
        commands, {"PORTAL_APP": environment.app.slug, "PORTAL_ENVIRONMENT": environment.slug, "LC_ALL": "C.UTF-8"}
    )
    if place := commands.get("supervisor"):
        return SupervisorRuntime(place, own)
    return own if commands.get("status") else ByHandRuntime(own)


class Means(NamedTuple):
    """What the portal can do with an environment's app, as registered. Empty `asked_by`: nobody can be asked."""

    asked_by: str
    may_stop: bool
    may_start: bool
    may_deploy: bool


def means_of(environment: Environment) -> Means:
    """How the app is asked, and which commands there are; the commands themselves may hold secrets and stay inside."""
    commands = environment.commands
    if commands.get("supervisor"):
        return Means("supervisord", True, True, bool(commands.get("deploy")))
    is_asked = bool(commands.get("status"))
    may_stop, may_start = (is_asked and bool(commands.get(name)) for name in ("stop", "start"))
    return Means("its status command" if is_asked else "", may_stop, may_start, bool(commands.get("deploy")))
