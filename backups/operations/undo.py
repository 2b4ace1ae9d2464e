"""Undo: bring back what was live before the last restore or upload. It is an exchange like any other."""

from django.db import transaction

from environments.actors import Actor
from environments.choices import Right, Status
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind
from environments.lifecycle.lease import Lease
from environments.lifecycle.submit import submit
from environments.models import Environment, Operation, record

from ..errors import NothingToUndo
from ..models import Generation
from .delete import check_name
from .exchange import carry_out, journal
from .generations import discard_older, last_generation
from .settle import kept_whole, settle

# Undoing an undo needs the right of what was undone first.
RIGHT_OF = {"restore": Right.RESTORE, "upload": Right.UPLOAD}


def right_to_undo(generation: Generation) -> Right:
    """The right that an undo needs: that of what it undoes."""
    kind = generation.operation.kind
    if kind == "undo":
        kind = generation.operation.params.get("undoes", "restore")
    return RIGHT_OF[kind]


def request_undo(
    environment: Environment,
    *,
    by: Actor,
    confirm: str | None,
    may_stop_app: bool = True,
    is_said_stopped: bool = False,
    is_rung: bool = True,
) -> Operation:
    """Queue the taking back of the last restore or upload.

    Raises:
        NothingToUndo, NameNotTyped, EnvironmentBusy: and nothing has changed.
    """
    generation = last_generation(environment)
    if generation is None:
        raise NothingToUndo
    check_name(environment, confirm)
    kind = generation.operation.kind
    undoes = generation.operation.params.get("undoes", kind)
    params = {"undoes": undoes, "generation": generation.pk}
    params |= {"may_stop_app": may_stop_app, "is_said_stopped": is_said_stopped}
    with transaction.atomic():
        operation = submit("undo", environment=environment, by=by, params=params, is_rung=is_rung)
        sentence = f"{by.name} asked to take back the last {kind} into {environment.name}."
        record(environment, "undo.requested", sentence, by=by, operation=operation.pk)
    return operation


def perform_undo(attempt: Attempt) -> str:
    """Exchange the live data for the generation that left last; returns the closing sentence."""
    operation = attempt.operation
    environment, params = operation.environment, operation.params
    generation = last_generation(environment)
    if generation is None or generation.pk != params["generation"]:
        raise NothingToUndo
    swap = journal(
        attempt,
        database=generation.database,
        files=generation.files,
        changes_package=True,
        package=generation.package,
        services=generation.services,
        starts_after=generation.package is not None,
    )
    with kept_whole(attempt):
        carry_out(swap, attempt, may_stop_app=params["may_stop_app"], is_said_stopped=params["is_said_stopped"])
    discard_older(environment, Lease(operation).beat)
    said = f"{environment.name} holds what it held until {generation.left_at:%Y-%m-%d %H:%M} UTC."
    return " ".join([said, *swap.remarks])


def recover_undo(operation: Operation, attempt: int) -> tuple[Status, str]:
    """For the reaper: bring an undo whose worker was lost to a whole end. Safe to call again."""
    settled = settle(operation, attempt)
    return settled.status, f"The worker was lost. {settled.sentence}"


KIND = Kind("undo", perform_undo, is_exclusive=True, may_repeat=False, recover=recover_undo, title="An undo")
