"""What people may say about backups: filters, comments, a name to confirm."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from django import forms

from environments.choices import Origin, Status
from environments.forms import AskedForm

from .choices import Contents
from .models.backup import Backup, BackupQuerySet

MOST_OF_A_COMMENT: int = Backup._meta.get_field("comment").max_length or 2000
MOST_OF_A_REASON: int = Backup._meta.get_field("pin_reason").max_length or 500
NIGHTLY, PERSON = "nightly", "person"
# A dialog begins where something is to be written, as a page of its own too.
FIRST = {"autofocus": True}


class FilterForm(AskedForm):
    """The list's filters."""

    q = forms.CharField(required=False, max_length=200)
    status = forms.ChoiceField(required=False, choices=[("", "Every status"), *Status.choices])
    kind = forms.ChoiceField(
        required=False, choices=[("", "Every kind"), (NIGHTLY, "Nightly"), (PERSON, "By a person")]
    )
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"])

    def narrow(self, backups: BackupQuerySet) -> BackupQuerySet:
        """Those that are asked for."""
        asked = self.asked
        if "q" in asked:
            backups = backups.matching(asked["q"])
        if "status" in asked:
            backups = backups.filter(operation__status=asked["status"])
        if asked.get("kind") == NIGHTLY:
            backups = backups.filter(operation__origin=Origin.NIGHTLY)
        if asked.get("kind") == PERSON:
            backups = backups.exclude(operation__origin=Origin.NIGHTLY)
        if "since" in asked:
            backups = backups.filter(created_at__gte=datetime.combine(asked["since"], time.min, UTC))
        if "until" in asked:
            backups = backups.filter(created_at__lte=datetime.combine(asked["until"], time.max, UTC))
        return backups


class CreateForm(forms.Form):
    comment = forms.CharField(
        required=False,
        max_length=MOST_OF_A_COMMENT,
        widget=forms.TextInput(attrs=FIRST),
        help_text="May be changed at any time.",
        label="Comment",
    )


class CommentForm(forms.Form):
    comment = forms.CharField(
        required=False, max_length=MOST_OF_A_COMMENT, widget=forms.Textarea(attrs={"rows": 4, **FIRST}), label="Comment"
    )


class DeleteForm(forms.Form):
    """Asks for the environment's name where it is production; whether it is right is for the operation to say."""

    confirm = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs=FIRST), label="Type the name of the environment"
    )

    def __init__(self, *args: Any, is_asked: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_asked:
            del self.fields["confirm"]


class CancelForm(forms.Form):
    """Nothing to fill in; it holds why cancelling was refused."""


class PinForm(forms.Form):
    reason = forms.CharField(max_length=MOST_OF_A_REASON, label="Why it is kept longer", help_text="Shown beside it.")
    until = forms.DateField(
        required=False,
        label="Last day",
        help_text="Empty: until the pin is taken out.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class UnpinForm(forms.Form):
    """Nothing to fill in; it holds why taking the pin out was refused."""


class ExchangeForm(forms.Form):
    """What is asked before live data is exchanged: only what this environment, as it is now, gives reason to ask."""

    is_said_stopped = forms.BooleanField(
        label="I have stopped it",
        error_messages={"required": "Stop the app, then tick this box."},
    )
    confirm = forms.CharField(max_length=200, label="Type the name of the environment")

    def __init__(self, *args: Any, asks_stopped: bool, asks_name: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = {"is_said_stopped": asks_stopped, "confirm": asks_name}
        for name in [name for name, is_asked in asked.items() if not is_asked]:
            del self.fields[name]

    @property
    def agreed(self) -> dict[str, Any]:
        """What operations want to know of the answers."""
        return {
            "confirm": self.cleaned_data.get("confirm"),
            "is_said_stopped": self.cleaned_data.get("is_said_stopped", False),
        }


class UndoForm(ExchangeForm):
    generation = forms.CharField(required=False, widget=forms.HiddenInput, max_length=20)


class RestoreForm(ExchangeForm):
    """The answers to a restore's questions, and what the person saw when they gave them."""

    contents = forms.ChoiceField(
        choices=[
            (Contents.FULL, "Everything"),
            (Contents.DATABASE, "Database only"),
            (Contents.FILES, "Uploaded files only"),
        ],
        widget=forms.RadioSelect,
        label="What to restore",
        error_messages={"required": "Choose what to restore.", "invalid_choice": "This cannot be restored here now."},
    )
    accepts_version = forms.BooleanField(
        error_messages={"required": "Read the warning about the version and tick its box."}
    )
    may_stop_app = forms.BooleanField(
        label="Stop the app for the exchange",
        error_messages={"required": "Agree that the app is stopped, or stop it yourself first."},
    )
    seen_package = forms.CharField(required=False, widget=forms.HiddenInput, max_length=200)
    seen_generation = forms.CharField(required=False, widget=forms.HiddenInput, max_length=20)
    field_order = ("contents", "accepts_version", "may_stop_app", "is_said_stopped", "confirm")

    def __init__(
        self, *args: Any, possible: Sequence[Contents], asks_version: bool, asks_stop: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.possible = possible
        if not asks_version:
            del self.fields["accepts_version"]
        if not asks_stop:
            del self.fields["may_stop_app"]

    def clean_contents(self) -> Contents:
        chosen = Contents(self.cleaned_data["contents"])
        if chosen not in self.possible:
            raise forms.ValidationError("The database cannot be put back here now. Choose the uploaded files only.")
        return chosen

    @property
    def agreed(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            **super().agreed,
            "contents": given["contents"],
            "may_stop_app": given.get("may_stop_app", False),
            "accepts_version": given.get("accepts_version", False),
        }


class UploadForm(forms.Form):
    """The last answers before everything is replaced. `brought` names what the person saw when they gave them."""

    brought = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    allow_empty = forms.BooleanField(
        label="Yes, make it empty",
        error_messages={"required": "The archive holds no file. Tick the box if that is meant, or choose another one."},
    )
    confirm = forms.CharField(max_length=200, label="Type the name of the environment")

    def __init__(self, *args: Any, asks_empty: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not asks_empty:
            del self.fields["allow_empty"]


class OperateForm(forms.Form):
    """Nothing to fill in; it holds why stopping or starting was refused."""


class PackageForm(forms.Form):
    """A deployment package as people register it; what it may be is for the operation to say."""

    model_version = forms.CharField(
        max_length=60, label="Model version", help_text="As in 1.4.2.118.", widget=forms.TextInput(attrs=FIRST)
    )
    modeler_version = forms.CharField(
        required=False, max_length=60, label="Modeler version", help_text="Of the tool that made it, as in 10.18.3."
    )
    file = forms.FileField(
        required=False,
        allow_empty_file=True,
        max_length=1000,
        label="File",
        help_text="Kept in the vault and handed to the deploy command.",
    )


class DeployForm(forms.Form):
    is_said_stopped = forms.BooleanField(
        label="I have stopped it",
        error_messages={"required": "Stop the app, then tick this box. Nothing was deployed."},
    )

    def __init__(self, *args: Any, asks_stopped: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not asks_stopped:
            del self.fields["is_said_stopped"]
