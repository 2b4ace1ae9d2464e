"""Every archive that somebody might make to do harm is refused, by name, and does none."""

from pathlib import Path

import pytest

from backups.errors import UploadRefused
from backups.storage.extract import extract, inspect
from backups.storage.extract_refusals import WHY

from .hostile import Hostile
from .hostile_tars import HOSTILE_TARS
from .hostile_zips import HOSTILE_ZIPS
from .unpacking import Surroundings, believed, limits, no_beat, opened, tree, writer_of

CORPUS = [*HOSTILE_ZIPS, *HOSTILE_TARS]


@pytest.mark.parametrize("hostile", CORPUS, ids=str)
def test_a_hostile_archive_is_refused_for_its_reason(hostile: Hostile) -> None:
    with opened(hostile.content) as file, pytest.raises(UploadRefused) as caught:
        inspect(file, limits(**hostile.limits), beat=no_beat)

    assert caught.value.code == hostile.code
    assert "Nothing was changed." in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500


@pytest.mark.parametrize("hostile", CORPUS, ids=str)
def test_a_hostile_archive_that_slipped_through_does_no_harm(hostile: Hostile, tmp_path: Path) -> None:
    surroundings = Surroundings(tmp_path)
    trap = believed(hostile.content)

    with (
        opened(hostile.content) as file,
        writer_of(surroundings.into) as writer,
        pytest.raises(UploadRefused) as caught,
    ):
        extract(file, writer, limits(**hostile.limits), inspection=trap, beat=no_beat)

    assert caught.value.code == ("changed" if hostile.is_told_late else hostile.code)
    tree(surroundings.into)
    surroundings.assert_untouched()


def test_every_reason_has_its_archive() -> None:
    assert len({hostile.content for hostile in CORPUS}) >= 250
    assert set(WHY) - {hostile.code for hostile in CORPUS} == {"names-list", "changed"}
