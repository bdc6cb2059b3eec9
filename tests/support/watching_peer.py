"""A peer without a process that keeps the questions to it."""

from dataclasses import dataclass, field

from benchmarks.peers import Asked, Question, Recommended


@dataclass
class WatchingPeer:
    """A peer that proposes the middle and recommends the first point or points."""

    recommended: int = 1
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question, q: int) -> Asked:
        self.asked.append(question)
        return Asked([[0.5] * question.d] * q, seconds=0.0, fit=None, threads=1)

    def recommend(self, question: Question) -> Recommended:
        self.asked.append(question)
        return Recommended(list(range(self.recommended)), seconds=0.0)

    def versions(self) -> dict[str, str]:
        return {}
