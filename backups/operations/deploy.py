"""Deploy: make a package the one that an environment runs, by the operator's own command and in the portal's record."""

import shutil
from collections.abc import Callable
from contextlib import suppress

from django.db import transaction

from environments.actors import Actor
from environments.choices import Right, State
from environments.errors import AppNotStopped, AppStillRunning, Refused
from environments.lifecycle.attempt import Attempt, Cancelled
from environments.lifecycle.kinds import Kind
from environments.lifecycle.submit import submit
from environments.models import Environment, Operation, Package, record
from environments.rights import rights_of
from environments.runtimes.choose import runtime_of
from environments.states import look, wait_until_stopped

from ..errors import DeployFailed, PackageRefused, RightsWithdrawn
from .exchange import scratch_of
from .fetch import deploy_arguments
from .fitting import Versions

STEPS = 3
# For sessions that are just closing; whoever runs is not waited for.
SETTLES_WITHIN_SECONDS = 10


def request_deploy(
    environment: Environment, package: Package, *, by: Actor, is_said_stopped: bool = False, is_rung: bool = True
) -> Operation:
    """Queue the deploying of a package into a stopped environment; `is_said_stopped` where the runtime cannot tell.

    Raises:
        PackageRefused: it is another app's.
        AppNotStopped: it runs, or nobody has said that it is stopped.
        EnvironmentBusy
    """
    if package.app_id != environment.app_id:
        raise PackageRefused(f"The package {package} is another app's. Nothing was deployed.")
    _check_asked_state(environment, is_said_stopped)
    params = {"package": package.pk, "model_version": package.model_version, "is_said_stopped": is_said_stopped}
    params |= {"modeler_version": package.modeler_version, "replaces": Versions.of(environment.package)}
    with transaction.atomic():
        operation = submit("deploy", environment=environment, by=by, params=params, is_rung=is_rung)
        sentence = f"{by.name} asked to deploy {package} into {environment.name}."
        record(environment, "deploy.requested", sentence, by=by, operation=operation.pk, package=package.pk)
    return operation


def perform_deploy(attempt: Attempt) -> str:
    """See that the app is stopped, fetch the package's file, run the command, write the record.

    Tried again after its worker was lost, it does all of it again: a deploy command must bear that.
    """
    operation = attempt.operation
    environment, params = operation.environment, operation.params
    package = Package.objects.filter(pk=params["package"], app=environment.app_id).first()
    if package is None:
        raise DeployFailed(f"The package {params['model_version']} was removed meanwhile. Nothing was deployed.")
    _check_right(operation)
    attempt.beat("Seeing that the app is stopped", step=1, steps=STEPS)
    _check_stopped(attempt, said_by_hand=params["is_said_stopped"])
    is_done = _hand_over(package, attempt)
    _remember(package, attempt)
    look(environment)
    only = "" if is_done else " Only the portal's record changed, because no deploy command is registered."
    return f"{package} is deployed in {environment.name}.{only}"


def sweep_deploy(operation: Operation, attempt: int) -> None:
    """Remove the copy of the package's file that a dead attempt left."""
    shutil.rmtree(scratch_of(operation, attempt), ignore_errors=True)


def deployed_in(environment: Environment, package: Package, *, by: Actor, operation: Operation | None = None) -> None:
    """Write down that a package is what the environment has deployed. Call it in the transaction of the effect."""
    Environment.objects.filter(pk=environment.pk).update(package=package)
    environment.package = package
    record(
        environment,
        "package.deployed",
        f"{by.name} deployed {package} in {environment.name}.",
        by=by,
        operation=operation.pk if operation else None,
        package=package.pk,
    )


def _check_asked_state(environment: Environment, is_said_stopped: bool) -> None:
    state = look(environment)
    if state == State.RUNNING:
        raise AppNotStopped(f"{environment.name} is running. Stop it first; nothing was deployed.")
    if state == State.UNKNOWN and not is_said_stopped:
        raise AppNotStopped(
            f"The portal cannot tell whether {environment.name} is stopped. Stop it, then confirm that you have. "
            "Nothing was deployed."
        )


def _check_right(operation: Operation) -> None:
    """Whether who asked may still do it. Commands hold all rights. Raises: RightsWithdrawn"""
    user = operation.requested_by
    if user is not None and Right.OPERATE not in rights_of(user, operation.environment):
        raise RightsWithdrawn


def _check_stopped(attempt: Attempt, *, said_by_hand: bool) -> None:
    environment = attempt.operation.environment
    within = 0 if look(environment) == State.RUNNING else SETTLES_WITHIN_SECONDS
    why = wait_until_stopped(environment, attempt.beat, said_by_hand=said_by_hand, within_seconds=within)
    if why:
        raise AppStillRunning(f"{why} Nothing was deployed.")


def _hand_over(package: Package, attempt: Attempt) -> bool:
    """Run the deploy command with the versions, and the file where there is one. False: there is no command.

    Raises:
        DeployFailed: the command says so; the record still names the package from before.
        StoredDiffers, StoredMissing, VaultUnreachable: the file is not what was stored.
    """
    environment = attempt.operation.environment
    folder = scratch_of(attempt.operation, attempt.number)
    attempt.beat("Fetching the package's file", step=2, steps=STEPS)
    with deploy_arguments(
        environment, package, folder, lambda done, total: attempt.beat(done_bytes=done, total_bytes=total)
    ) as arguments:
        attempt.beat("Deploying", step=3, steps=STEPS)
        attempt.check_owned()
        try:
            return runtime_of(environment).deploy(arguments, _seen_through(attempt))
        except Refused as error:
            kept = f"still names {environment.package}" if environment.package else "still names no package"
            raise DeployFailed(
                f"{error} {package} may be half deployed; the portal's record {kept}. "
                "Deploy it again, or another one, before you start the app."
            ) from None


def _seen_through(attempt: Attempt) -> Callable[[], None]:
    """Once the command has begun it is not cancelled: halfway, nobody would know what is deployed."""

    def beat() -> None:
        with suppress(Cancelled):
            attempt.beat()

    return beat


def _remember(package: Package, attempt: Attempt) -> None:
    with suppress(Cancelled):  # it is there; to say otherwise would be wrong
        attempt.check_owned()
    with transaction.atomic():
        deployed_in(attempt.operation.environment, package, by=attempt.operation.by, operation=attempt.operation)


KIND = Kind(
    "deploy",
    perform_deploy,
    is_exclusive=True,
    may_repeat=True,
    sweep=sweep_deploy,
    time_limit_seconds=3600,
    title="A deployment",
)
