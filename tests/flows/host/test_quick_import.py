import gc
from pathlib import Path

import pytest

from overnight.flows.host.quick_import import quick_import

LOOKS = "import gc\ncollects = gc.isenabled()\n"


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_after_an_import_as_before_and_not_during_it(collects, tmp_path: Path, monkeypatch):
    (tmp_path / f"looks_{collects}.py").write_text(LOOKS)
    (tmp_path / f"breaks_{collects}.py").write_text("raise ValueError('broken')\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        assert not quick_import(f"looks_{collects}").collects
        with pytest.raises(ValueError, match="broken"):
            quick_import(f"breaks_{collects}")
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()
