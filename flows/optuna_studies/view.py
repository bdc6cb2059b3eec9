"""The campaigns at a place as Optuna's studies, as their ledgers hold them now; they are only read."""

import copy
import threading
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.flows.api.open_campaign import OpenCampaign
from overnight.flows.api.place import Place
from overnight.flows.optuna_studies.frozen import attributes_of, directions_of, system_attributes_of, trials_of
from overnight.flows.optuna_studies.refusing import RefusingStorage
from overnight.storage import kept_campaigns

# The id of a trial is that of its study times this, plus its number.
_IDS = 1_000_000_000


@dataclass
class _Study:
    """A campaign with its trials as they were when they were last converted."""

    id: int
    place: Place
    campaign: OpenCampaign
    history: History | None = None
    trials: tuple[FrozenTrial, ...] = ()

    def refresh(self) -> History:
        """Read the ledger; the trials are converted again only if it has grown."""
        try:
            history = self.campaign.history
        except LedgerError:
            # It may have been deleted and begun again, which only a campaign that is opened anew can read.
            again = OpenCampaign(self.campaign.name, self.place)
            history = again.history
            self.campaign = again
        if history is not self.history:
            self.trials = tuple(trials_of(history, self.id * _IDS))
            self.history = history
        return history


class LedgerView(RefusingStorage):
    """An Optuna storage with a study for each campaign; several threads may use it.

    A study has the name of its campaign. Optuna counts trials from 0, so trial 1 of a campaign is number 0 here; its
    attribute `trial` is 1.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._studies: dict[str, _Study] = {}
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        # Ids are in the order in which this view found the campaigns, and another one may find them in another order.
        return {"_place": Place(self._place.address, self._place.only), "_names": [*self._studies]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_place"])
        self._add(state["_names"])

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the id of a campaign's study; raises KeyError for an unknown name."""
        return self._named()[study_name].id

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the name of the campaign."""
        return self._study(study_id).campaign.name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the direction of each objective."""
        return directions_of(self._history(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return facts about the campaign."""
        return attributes_of(self._history(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the names of the objectives."""
        return system_attributes_of(self._history(study_id))

    def get_all_studies(self) -> list[FrozenStudy]:
        """Return all studies; one whose ledger cannot be read has no direction, and the reason as an attribute."""
        return [self._frozen(study) for study in self._named().values()]

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """Return the id of the trial with this number; raises KeyError if there is none."""
        with self._lock:
            self._history(study_id)
            if not 0 <= trial_number < len(self._study(study_id).trials):
                raise KeyError(f"study {study_id} has no trial {trial_number}")
        return study_id * _IDS + trial_number

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial; raises KeyError if there is none with this id."""
        study_id, number = divmod(trial_id, _IDS)
        trials = self.get_all_trials(study_id, deepcopy=False)
        if number >= len(trials):
            raise KeyError(f"there is no trial with the id {trial_id}")
        return trials[number]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials in the order of their numbers."""
        with self._lock:
            self._history(study_id)
            found = [trial for trial in self._study(study_id).trials if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def _named(self) -> dict[str, _Study]:
        """Return the studies by name; those that are new get the next ids."""
        with self._lock:
            only = self._place.only
            names = [only] if only else [kept.name for kept in kept_campaigns(self._place.address, Path())]
            self._add(names)
            return dict(self._studies)

    def _add(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._studies:
                campaign = OpenCampaign(name, self._place)
                self._studies[name] = _Study(len(self._studies) + 1, self._place, campaign)

    def _study(self, study_id: int) -> _Study:
        known = (study for studies in (lambda: self._studies, self._named) for study in [*studies().values()])
        found = next((study for study in known if study.id == study_id), None)
        if found is None:
            raise KeyError(f"there is no study with the id {study_id}")
        return found

    def _history(self, study_id: int) -> History:
        study = self._study(study_id)
        with self._lock:
            return study.refresh()

    def _frozen(self, study: _Study) -> FrozenStudy:
        try:
            history = self._history(study.id)
        except LedgerError as problem:
            # One damaged ledger must not hide the others.
            return _frozen_study(study, [StudyDirection.NOT_SET], {"damaged": str(problem)}, {})
        return _frozen_study(study, directions_of(history), attributes_of(history), system_attributes_of(history))


def _frozen_study(
    study: _Study, directions: list[StudyDirection], user_attrs: dict[str, Any], system_attrs: dict[str, Any]
) -> FrozenStudy:
    return FrozenStudy(
        study_name=study.campaign.name,
        direction=None,
        user_attrs=user_attrs,
        system_attrs=system_attrs,
        study_id=study.id,
        directions=directions,
    )
