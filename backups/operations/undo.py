"""Undo: bring back what was live before the last restore or upload. It is an exchange like any other."""

from pathlib import Path

from django.db import transaction

from environments.actors import Actor
from environments.choices import Right, Status
from environments.lifecycle.attempt import Attempt, Fenced
from environments.lifecycle.kinds import Kind
from environments.lifecycle.submit import submit
from environments.models import Environment, Operation, record

from ..errors import NothingToUndo, PuttingBackRefused
from ..models import Generation
from .delete import check_name
from .exchange import carry_out, journal, settle
from .generations import discard_older, last_generation

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
        files=Path(generation.files) if generation.files else None,
        changes_package=True,
        package=generation.package,
        services=generation.services,
        starts_after=generation.package is not None,
    )
    try:
        carry_out(swap, attempt, may_stop_app=params["may_stop_app"], is_said_stopped=params["is_said_stopped"])
    except Fenced:
        raise
    except BaseException as error:
        settled = settle(operation, attempt.number)
        if settled.status == Status.COMPLETED:
            raise PuttingBackRefused(f"{error} {settled.sentence}") from error
        raise
    discard_older(environment)
    return f"{environment.name} holds what it held until {generation.left_at:%Y-%m-%d %H:%M} UTC."


def recover_undo(operation: Operation, attempt: int) -> tuple[Status, str]:
    """For the reaper: bring an undo whose worker was lost to a whole end. Safe to call again."""
    settled = settle(operation, attempt)
    return settled.status, f"The worker was lost. {settled.sentence}"


KIND = Kind("undo", perform_undo, is_exclusive=True, may_repeat=False, recover=recover_undo, title="An undo")
