"""What people may say about backups: filters, comments, a name to confirm."""

from datetime import UTC, datetime, time
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms

from environments.choices import Origin, Status

from .models.backup import Backup, BackupQuerySet

MOST_OF_A_COMMENT: int = Backup._meta.get_field("comment").max_length or 2000
MOST_OF_A_REASON: int = Backup._meta.get_field("pin_reason").max_length or 500
NIGHTLY, PERSON = "nightly", "person"
# A dialog begins where something is to be written, as a page of its own too.
FIRST = {"autofocus": True}


class FilterForm(forms.Form):
    """The list's filters. Each is a part of the address; what is not understood is as if it were not there."""

    q = forms.CharField(required=False, max_length=200)
    status = forms.ChoiceField(required=False, choices=[("", "Every status"), *Status.choices])
    kind = forms.ChoiceField(
        required=False, choices=[("", "Every kind"), (NIGHTLY, "Nightly"), (PERSON, "By a person")]
    )
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"])

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The filters that are set and make sense."""
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def query(self) -> str:
        """The filters as the end of an address; empty without filters."""
        return self.query_with()

    def query_with(self, **more: object) -> str:
        """The filters and more as the end of an address."""
        given = {**self.asked, **more}
        return f"?{urlencode(given)}" if given else ""

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
