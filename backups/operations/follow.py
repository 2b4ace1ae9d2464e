"""Follow: where an exchange changed which package and services are live, the runtime is told by its own commands."""

from collections.abc import Callable
from pathlib import Path

from environments.errors import RuntimeRefused
from environments.models import Environment, Package
from environments.runtimes.choose import runtime_of

from ..errors import Failed
from ..models import Generation, Swap
from .fetch import deploy_arguments

ONLY_RECORDED = "No {name} command is registered, so only the portal's record of {what} changed."


def follow(swap: Swap, environment: Environment, beat: Callable[[], None], scratch: Path) -> list[str]:
    """Run the commands that bring the runtime to where the closed journal is; returns what people should know.

    `scratch`: where the copy of a package's file lies meanwhile. A command that fails is no reason to take the data
    back, and is said. Safe to call again.
    """
    left = Generation.objects.filter(operation=swap.operation).first()
    said: list[str] = []
    if not swap.changes_package or left is None:
        return said
    runtime = runtime_of(environment)
    if left.package_id != swap.package_id:
        package = swap.package
        if package is None:
            said += _tell(lambda: runtime.undeploy(beat), "undeploy", "the deployed package")
        else:
            said += _tell(lambda: _deploy(environment, package, beat, scratch), "deploy", "the deployed package")
    if swap.services is not None and sorted(swap.services) != sorted(left.services):
        command = runtime.publish_services if swap.services else runtime.unpublish_services
        said += _tell(lambda: command(beat), "services", "the published app services")
    return said


def _deploy(environment: Environment, package: Package, beat: Callable[[], None], scratch: Path) -> bool:
    """As a deployment by hand would: with the package's file where there is one."""
    with deploy_arguments(environment, package, scratch, lambda *_: beat()) as arguments:
        return runtime_of(environment).deploy(arguments, beat)


def _tell(command: Callable[[], bool], name: str, what: str) -> list[str]:
    try:
        is_done = command()
    except (RuntimeRefused, Failed) as error:
        return [f"{error} The portal's record of {what} changed all the same."]
    return [] if is_done else [ONLY_RECORDED.format(name=name, what=what)]
