"""Which runtime an environment has."""

from collections.abc import Callable, Sequence
from typing import Protocol

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


def runtime_of(environment: Environment) -> Runtime:
    """The environment's runtime: supervisord's program, else its own commands, else people's hands."""
    commands = environment.commands
    own = CommandRuntime(
        commands, {"PORTAL_APP": environment.app.slug, "PORTAL_ENVIRONMENT": environment.slug, "LC_ALL": "C.UTF-8"}
    )
    if place := commands.get("supervisor"):
        return SupervisorRuntime(place, own)
    return own if commands.get("status") else ByHandRuntime()
