"""Read a campaign and its events from standard input, propose, and write the proposals, in a separate process."""

import json
import sys

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.campaign import Campaign, History
from overnight.campaign.history.events import read_event


def main() -> None:
    asked = json.load(sys.stdin)
    history = History.from_events(read_event.validate_python(event) for event in asked["events"])
    proposer = BayesianProposer.model_validate(asked["proposer"])
    proposals = propose(Campaign.model_validate(asked["campaign"]), history, proposer, asked["q"])
    json.dump([proposal.model_dump(mode="json") for proposal in proposals], sys.stdout)


if __name__ == "__main__":
    main()
