"""An Optuna storage that refuses every write."""

from collections.abc import Sequence
from typing import Any, Never

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from overnight.campaign.errors import Refused

READ_ONLY = (
    "This study is the ledger of an Overnight campaign, which Optuna only reads, so nothing was written. Use the "
    "`overnight` commands to steer the campaign, or `overnight.optuna_storage` for a study of Optuna's own."
)


def _refuse() -> Never:
    raise Refused(READ_ONLY)


class RefusingStorage(BaseStorage):
    """The part of a storage that writes; every method raises Refused."""

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Refuse."""
        _refuse()

    def delete_study(self, study_id: int) -> None:
        """Refuse."""
        _refuse()

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Refuse."""
        _refuse()

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Refuse."""
        _refuse()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Refuse."""
        _refuse()

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Refuse."""
        _refuse()

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Refuse."""
        _refuse()

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Refuse."""
        _refuse()

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Refuse."""
        _refuse()

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Refuse."""
        _refuse()
