"""Apps that the portal cannot reach: people stop and start them, and say so."""

from collections.abc import Callable

from ..choices import State
from ..errors import RuntimeRefused
from .command import CommandRuntime


class ByHandRuntime:
    """Knows nothing of the app; what people confirm is believed only when the database has no sessions left.

    Commands for packages, services and files are run all the same, where the environment has them.
    """

    def __init__(self, commands: CommandRuntime) -> None:
        self.deploy, self.undeploy = commands.deploy, commands.undeploy
        self.publish_services, self.unpublish_services = commands.publish_services, commands.unpublish_services
        self.use_files = commands.use_files

    def status(self) -> State:
        return State.UNKNOWN

    def stop(self, beat: Callable[[], None]) -> None:
        """Raises: RuntimeRefused"""
        beat()
        raise RuntimeRefused("The portal cannot stop this app: no stop command is registered. Stop it yourself.")

    def start(self, beat: Callable[[], None]) -> None:
        """Raises: RuntimeRefused"""
        beat()
        raise RuntimeRefused("The portal cannot start this app: no start command is registered. Start it yourself.")
