"""An altered copy is named by `verify`, and it neither deceives nor stops a reader of the ledger."""

import pytest
from altered_copies import ALTERATIONS, alter, make_ledger_with_copies
from damages import Folder

from overnight.storage import LocalStore
from overnight.storage.copies import blocks


@pytest.mark.parametrize("kind", ALTERATIONS)
def test_an_altered_copy_deceives_and_stops_no_reader(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "SIZE", 3)
    place = Folder(LocalStore(tmp_path))
    make_ledger_with_copies(place)
    found = alter(place, kind, 10, seed=7)
    assert found.kept, found
