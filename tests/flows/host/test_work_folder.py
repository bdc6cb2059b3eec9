"""The folders of a campaign in `work` are closed to other users, even if an older version has left them open."""

import os
import stat

import pytest

from overnight.evaluators.processes.private_folder import private_folder
from overnight.flows.host.work_folder import close_work


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folders_of_a_campaign_are_closed_and_those_of_others_are_left_alone(tmp_path):
    work = tmp_path / "work"
    for name in ("mine-1f3a", "mine-prefect", "mine[1]-1f3a", "yours-1f3a"):
        (work / name).mkdir(parents=True)
        (work / name).chmod(0o755)
    work.chmod(0o755)
    said = list[str]()
    close_work(work, "mine", said.append)
    assert {path.name for path in work.iterdir() if mode(path) == 0o700} == {"mine-1f3a", "mine-prefect"}
    close_work(work, "mine[1]", said.append)
    assert mode(work / "mine[1]-1f3a") == 0o700
    assert mode(work) == 0o755
    assert said == []


def test_a_folder_that_every_user_may_change_is_named_once(tmp_path):
    tmp_path.chmod(0o777)
    said = list[str]()
    close_work(tmp_path, "mine", said.append)
    assert [f"`chmod o-w {tmp_path}`" in line for line in said] == [True]
    tmp_path.chmod(0o1777)
    said.clear()
    close_work(tmp_path, "mine", said.append)
    assert said == []


def test_folders_that_are_missing_are_made_for_their_owner_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        private_folder(tmp_path / "work" / "mine-prefect")
    finally:
        os.umask(before)
    assert [mode(tmp_path / "work"), mode(tmp_path / "work" / "mine-prefect")] == [0o700, 0o700]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a link to another user")
def test_a_link_of_another_user_in_the_place_of_a_folder_is_not_followed(tmp_path):
    precious, link = tmp_path / "precious", tmp_path / "mine-prefect"
    precious.mkdir(mode=0o755)
    link.symlink_to(precious)
    private_folder(link)
    assert mode(precious) == 0o700
    precious.chmod(0o755)
    os.chown(link, 65534, 65534, follow_symlinks=False)
    with pytest.raises(PermissionError, match="another user"):
        private_folder(link)
    assert mode(precious) == 0o755
