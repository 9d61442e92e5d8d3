"""A wide scan in parts: what the processor's cache cannot hold at once is computed one group of columns after the other.

Every step of a scan writes a vector of 2,048 values (16 KB). As long as all of them fit into the cache, a column costs
the same whatever stands beside it; beyond that everything waits for memory, and twenty indicators take longer together
than one by one. So a scan of many steps becomes several streaming passes over the same bars, whose results are paired
row by row; what remains is computed from those. The same steps give the same values: not a bit depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from duckbt.compiler.layers import Layers, Output

MOST_STEPS = 250  # of one part: 4 MB of vectors
MOST_PARTS = 24  # a scan wider than these stays whole: planning so many pairings takes longer than they save
FEW_STEPS = 6  # so little is repeated rather than handed over
HANDED_OVER = 4  # a column handed over costs as much as so many steps

Steps = int  # a set of nodes, one bit each


@dataclass(frozen=True)
class Parted:
    """The parts, and the layers that read what these hand over. Without parts they read the bars themselves."""

    parts: tuple[Layers, ...]
    last: Layers

    @property
    def paired(self) -> int:
        """How many columns are held in memory for pairing: those of all parts but the first."""
        return sum(len(part.outputs) for part in self.parts[1:])


def parted(layers: Layers) -> Parted:
    """The scan in parts, where that costs less. Not where it cannot be cut into pieces: all bars would be held in memory."""
    if any(layers.graph[o.node].reach is None for o in layers.outputs):
        return Parted((), layers)
    if not MOST_STEPS < sum(map(layers.computed, layers.needed)) <= MOST_STEPS * MOST_PARTS:
        return Parted((), layers)
    steps = _steps(layers)
    whole = _union(steps[r] for r in layers.roots)
    choices = [_groups(steps, _cuts(layers, steps, sharing)) for sharing in (False, True)]
    possible = [(_cost(g, steps, whole), g) for g in choices if 0 < len(g) <= MOST_PARTS]
    cost, groups = min(possible, default=(0, []))
    return _split(layers, groups) if groups and cost < _effort(whole) else Parted((), layers)


def _union(sets: Iterable[Steps]) -> Steps:
    return reduce(or_, sets, 0)


def _steps(layers: Layers) -> dict[int, Steps]:
    """Of every node all that must be computed for it, itself included."""
    steps: dict[int, Steps] = {}
    for node in layers.needed:
        steps[node] = _union(steps[a] for a in layers.args(node)) | (1 << node if layers.computed(node) else 0)
    return steps


def _cuts(layers: Layers, steps: dict[int, Steps], sharing: bool) -> list[int]:
    """The nodes to hand over: the outputs, or what they are made of where that is too much for one part.

    ``sharing``: also where something that is no trifle serves other outputs too. Then nothing is computed twice.
    """
    users = dict.fromkeys(layers.needed, 0)
    for place, root in enumerate(layers.roots):
        users[root] |= 1 << place
    for node in reversed(layers.needed):
        for arg in layers.args(node):
            users[arg] |= users[node]
    divided: dict[int, bool] = {}
    for node in layers.needed:
        args = [a for a in layers.args(node) if steps[a].bit_count() > FEW_STEPS]
        divided[node] = any(divided[a] or users[a] != users[node] for a in args)
    found: dict[int, None] = {}
    seen, stack = set(layers.roots), list(layers.roots)
    while stack:
        node = stack.pop()
        if steps[node].bit_count() > MOST_STEPS or (sharing and divided[node]):
            new = [a for a in layers.args(node) if a not in seen]
            seen.update(new)
            stack += new
        else:
            found[node] = None
    return _without_trifles(steps, sorted(found))


def _without_trifles(steps: dict[int, Steps], cuts: list[int]) -> list[int]:
    """The cuts without those that take only a few steps from the bars or from other cuts."""
    kept: list[int] = []
    for node in cuts:
        known = _union(steps[k] for k in kept if steps[node] >> k & 1)
        if (steps[node] & ~known).bit_count() > FEW_STEPS:
            kept.append(node)
    return kept


def _groups(steps: dict[int, Steps], cuts: list[int]) -> list[list[int]]:
    """The cuts in groups of at most so many steps, each with those it shares most with; large ones first."""
    groups: list[list[int]] = []
    held: list[Steps] = []
    for node in sorted(cuts, key=lambda n: (-steps[n].bit_count(), n)):
        fitting = [g for g, h in enumerate(held) if (h | steps[node]).bit_count() <= MOST_STEPS]
        if fitting:
            group = min(fitting, key=lambda g: (steps[node] & ~held[g]).bit_count())
            groups[group].append(node)
            held[group] |= steps[node]
        else:
            groups.append([node])
            held.append(steps[node])
    return [sorted(group) for group in sorted(groups, key=lambda g: (-len(g), g))]


def _effort(steps: Steps) -> int:
    """What so many steps in one pass cost: twice, those beyond the cache."""
    many = steps.bit_count()
    return many + max(0, many - MOST_STEPS)


def _cost(groups: list[list[int]], steps: dict[int, Steps], whole: Steps) -> int:
    """Of a scan in parts. The first one runs together with what remains, and is not held in memory."""
    sets = [_union(steps[n] for n in group) for group in groups]
    sets[0] |= whole & ~_union(sets)
    return sum(map(_effort, sets)) + HANDED_OVER * sum(map(len, groups))


def _split(layers: Layers, groups: list[list[int]]) -> Parted:
    named = [[Output(f"part_{i}_{k}", n, guard=False) for k, n in enumerate(group)] for i, group in enumerate(groups)]
    given = layers.given | {o.node: o.name for group in named for o in group}
    last = Layers(layers.graph, layers.outputs, given, layers.keys)
    bars = [n for n in last.needed if n in layers.given or layers.graph[n].op in ("column", "staged")]
    named[0] += [Output(last.name(n), n, guard=False) for n in bars]
    return Parted(tuple(Layers(layers.graph, group, layers.given, layers.keys) for group in named), last)
