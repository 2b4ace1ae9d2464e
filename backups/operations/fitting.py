"""Fitting: which model the data of an environment is of, and which package of the app runs on it."""

from typing import Any, NamedTuple, Self

from environments.choices import State, Status
from environments.models import Environment, Operation, Package

from ..choices import Contents
from ..models import Restore
from ..policy.versions import Comparison, compare

DECIDING = ("restore", "upload", "undo", "start", "deploy")
LOOKED_BACK = 50


class Versions(NamedTuple):
    """The two versions of a package; empty where nobody knows."""

    model_version: str
    modeler_version: str

    @classmethod
    def of(cls, package: Package | None) -> Self | None:
        return cls(package.model_version, package.modeler_version) if package else None


def live_versions(environment: Environment) -> Versions | None:
    """What the data was last run with, or restored from; None where nobody knows: of uploaded or of no data.

    Deploying changes no data: what is deployed and not yet started may be another version than the data's.
    """
    found = Versions.of(environment.package)
    if environment.state == State.RUNNING:
        return found
    rows = Operation.objects.filter(environment=environment, kind__in=DECIDING, status=Status.COMPLETED)
    for operation in rows.order_by("-finished_at")[:LOOKED_BACK]:
        if operation.kind == "deploy":
            found = _replaced(operation.params)
        elif operation.kind == "upload":
            return None
        elif operation.kind == "restore":
            restore = Restore.objects.filter(operation=operation).select_related("backup").first()
            if restore is None or restore.backup is None:
                return None
            if restore.contents != Contents.FILES:
                return Versions(restore.backup.model_version, restore.backup.modeler_version)
        else:
            return found
    return found


def compare_with_live(package: Package, live: Versions | None) -> Comparison:
    """The package against the data it would run on."""
    if live is None:
        return Comparison.UNKNOWN
    own = (package.modeler_version, package.model_version)
    return compare(own, (live.modeler_version, live.model_version))


def fitting_package(environment: Environment, live: Versions | None) -> Package | None:
    """The app's package that the data was made with, where it is registered."""
    if live is None:
        return None
    return Package.objects.filter(app=environment.app_id, **live._asdict()).first()


def _replaced(params: dict[str, Any]) -> Versions | None:
    """What a deployment took the place of."""
    replaced = params.get("replaces")
    return Versions(*replaced) if replaced else None
