"""A cut archive is never a whole one, wherever it was cut; and neither is one with something added."""

import os
import random

import pytest

from backups.errors import UploadRefused

from .samples import SAMPLES
from .unpacking import look

THOROUGH = os.environ.get("PORTAL_TEST_THOROUGH") == "1"
CUT = {"truncated", "no-end", "junk-after", "empty-file", "not-an-archive", "broken"}


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_whole_is_taken(sample: str) -> None:
    assert look(SAMPLES[sample]).files >= 2


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_cut_is_refused(sample: str) -> None:
    """At every hundredth, at every block of a tar, and one byte before each."""
    whole = SAMPLES[sample]
    cuts = {len(whole) * part // 100 for part in range(100)} | set(range(0, len(whole), 512))
    cuts |= {cut - 1 for cut in cuts if cut} | {len(whole) - 1}
    cuts |= set(range(len(whole))) if THOROUGH else set()

    for cut in sorted(cuts):
        with pytest.raises(UploadRefused) as caught:
            look(whole[:cut], allow_empty=True)
        assert caught.value.code in CUT, cut


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_missing_front_is_refused(sample: str) -> None:
    """Of a tar that is not packed no program can tell, when whole members are missing at its front."""
    whole = SAMPLES[sample]
    for start in {len(whole) * part // 100 for part in range(1, 100)}:
        if start % 512 or not sample.startswith("tar "):
            with pytest.raises(UploadRefused):
                look(whole[start:], allow_empty=True)


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_byte_added_is_refused(sample: str) -> None:
    """Zeros in whole blocks may follow a tar, as tapes had them; nothing else may follow anything."""
    whole = SAMPLES[sample]
    for behind in (b"\0", b"x", b"PK", b"\x1f\x8b", b"x" * 512, bytes(511)):
        with pytest.raises(UploadRefused):
            look(whole + behind, allow_empty=True)


@pytest.mark.parametrize("sample", SAMPLES)
def test_no_range_of_zeros_goes_unseen_in_what_is_packed(sample: str) -> None:
    """A lost block of a disk; in a zip or a tar.gz every byte of content is under a checksum."""
    if not sample.startswith("tar "):
        chance = random.Random(7)
        whole = SAMPLES[sample]
        for _ in range(60):
            start = chance.randrange(len(whole) - 64)
            damaged = whole[:start] + bytes(64) + whole[start + 64 :]
            if damaged != whole:
                with pytest.raises(UploadRefused):
                    look(damaged, allow_empty=True)
