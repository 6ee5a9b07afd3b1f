"""What an answer weighs: scores with their reasons, and consent given or taken back.

A step's share in a score is kept by step: a question answered again replaces its share and never counts twice.
"""

from __future__ import annotations

from flows.effects import ConsentGiven, ConsentWithdrawn, Raise, Remember, Value
from flows.manifest import Variable
from flows.program import Consent, Option, Task
from flows.severity import Severity
from flows.turn import Turn


def score(turn: Turn, task: Task, taken: tuple[Option, ...]) -> None:
    """Take the answers of a step into the scores it adds to; a threshold that is reached raises the case, with its reasons."""
    assert task.options is not None
    for name in dict.fromkeys(option.score.name for option in task.options.options if option.score is not None):
        mine = [option.score for option in taken if option.score is not None and option.score.name == name]
        shares = _shares(turn, name)
        shares.pop(task.place, None)
        if mine:
            shares[task.place] = [sum(one.add for one in mine), "; ".join(one.why for one in mine)]
        _weigh(turn, name, shares)


def _weigh(turn: Turn, name: str, shares: dict[str, Value]) -> None:
    variable = turn.program.variables[name]
    before = _severity(variable, turn.variables.get(name))
    total = sum(share[0] for share in shares.values() if isinstance(share, list) and isinstance(share[0], int))
    turn.variables[f"{name}.shares"] = shares
    if (turn.variables.get(name) or 0) != total:
        turn.keep(name, total)
    after = _severity(variable, total)
    if after.rank > before.rank:
        reasons = "; ".join(str(share[1]) for share in shares.values() if isinstance(share, list))
        turn.effects.append(Raise(after, f"{variable.label or name} {total}: {reasons}"))
        turn.alarm = turn.alarm or after is Severity.EMERGENCY


def _shares(turn: Turn, name: str) -> dict[str, Value]:
    """What each step has added, by "flow.step": points and reasons. A copy: the session that came in stays as it was."""
    stored = turn.variables.get(f"{name}.shares")
    return dict(stored) if isinstance(stored, dict) else {}


def _severity(variable: Variable, total: Value) -> Severity:
    points = total if isinstance(total, int) else 0
    reached = [severity for severity, least in variable.thresholds.items() if points >= least]
    return Severity.highest(Severity.NONE, *reached)


def decide(turn: Turn, task: Task, consent: Consent, *, agreed: bool) -> None:
    """She agrees to a purpose, or does not: then what was kept for it is forgotten, on the summary card too."""
    turn.variables[f"consent.{consent.purpose}"] = agreed
    turn.variables[f"consent.{consent.purpose}.asked"] = [task.place, consent.text]
    if agreed:
        turn.effects.append(ConsentGiven(consent.purpose, consent.label, task.place, consent.text))
        return
    turn.effects.append(ConsentWithdrawn(consent.purpose, consent.label, task.place, consent.text))
    for name, variable in turn.program.variables.items():
        if variable.identifying == consent.purpose and name in turn.variables:
            del turn.variables[name]
            turn.variables.pop(f"{name}.name", None)
            if variable.label is not None:
                turn.effects.append(Remember(name, None, variable.label, ""))
