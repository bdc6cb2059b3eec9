"""Optuna's own acceptance suite of storages, on a directory and on an S3 server."""

from pathlib import Path

import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase

from overnight.flows.optuna_studies.opening import optuna_storage


class TestOnADirectory(StorageTestCase):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return optuna_storage(tmp_path / "studies/tuning")


@pytest.mark.slow
class TestOnABucket(StorageTestCase):
    @pytest.fixture
    def storage(self, bucket: str) -> BaseStorage:
        return optuna_storage(f"{bucket}/tuning")
