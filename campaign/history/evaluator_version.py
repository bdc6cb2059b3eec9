"""A version of an evaluator: the hashes of its files, and the trials that it measured."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class EvaluatorVersion:
    """The hash of each of an evaluator's files, by name."""

    sources: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """Return a few characters that identify this version."""
        lines = "".join(f"{name} {digest}\n" for name, digest in sorted(self.sources.items()))
        return hashlib.sha256(lines.encode(errors="replace")).hexdigest()[:8]

    def changes(self, before: "EvaluatorVersion") -> str:
        """Return in words what has changed since an earlier version."""
        changed = sorted(n for n, digest in self.sources.items() if before.sources.get(n, digest) != digest)
        new = sorted(set(self.sources) - set(before.sources))
        gone = sorted(set(before.sources) - set(self.sources))
        parts = [("changed", changed), ("added", new), ("removed", gone)]
        return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)
