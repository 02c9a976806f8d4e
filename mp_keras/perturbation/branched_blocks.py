"""Blocks with branches: residual, dense, inception, cells of NASNet.

Branches part behind one step and meet again in an addition or concatenation;
what lies between is the region of the meeting point. It is a block, if

    it holds a convolution larger than 1x1
    no path in it shrinks the map and enlarges it again     # U-Net, FCN, FPN
    no path in it has more than 8 convolutions, or shrinks more than 3 times
    no two additions or three blocks in it follow each other
                                                    # a skip around many blocks
    nothing in it is read elsewhere                 # or it has an identity skip

Blocks inside a block are parts of it. In cells that read the two cells before
them all regions overlap; there each concatenation is a block, and additions
that lead to it without a convolution are its parts.
"""

import dataclasses

from mp_keras.graphs import layer_kinds
from mp_keras.graphs import steps

_MOST_CONVOLUTIONS = 8  # of the longest path in a block
_LONGEST_SERIES = 1  # of parts; a concatenation is half an addition
_LARGEST_DROP = 3  # of the height in a block; 2, and odd heights,
_LOST_TO_EDGES = 1  # and a 3x3 window without padding, which turns 4 into 1
_ENLARGED = 1.5  # padding enlarges by less
_SHRUNK = 0.75


@dataclasses.dataclass
class Block:
    """What one position serves.

    Attributes:
        position: Index of the step that φ follows.
        region: Set of the indices of the block's other steps.
        rule: Str, what it was found by.
        splits: Bool: φ goes before the activation fused in that step.
        end: Index of the block's last step.
    """

    position: int
    region: set
    rule: str
    splits: bool = False
    end: int = -1


def find(flow):
    """Returns the blocks with branches, a list of `Block`, by their ends.

    Args:
        flow: `flow.Flow`.
    """
    found = []
    for step in flow.steps:
        joins = len(step.read) > 1 and step.index in flow.live
        if joins and not step.repeated and flow.is_map(step):
            block = _block(flow, step, found)
            if block is not None:
                found.append(block)
    return found


def _block(flow, step, found):
    adds = steps.is_addition(step)
    fork = flow.dominator[step.index]
    if fork < 0 or not (adds or steps.is_concatenation(step)):
        return None
    region = flow.region(fork, step.index)
    identities = [key for key in step.read if _is_identity(flow, key, fork)]
    closed = all(
        consumer in region or consumer == step.index
        for index in region
        for consumer in flow.consumers[index]
    )
    parts = [block for block in found if block.end in region]
    is_cell = not adds and not (
        closed and _all_lead_directly(flow, step, parts)
    )
    if not (closed or is_cell or identities):
        return None
    if not is_cell and _is_long(flow, region, fork, step, parts):
        return None
    holders = _own_steps(flow, step, parts) if is_cell else region
    if not _has_spatial(flow, holders):
        return None
    if _goes_down_and_up(flow, region | {step.index}):
        return None
    rule = "addition" if adds else "concatenation"
    block = Block(step.index, region, rule, end=step.index)
    if is_cell:
        direct = _reached_without_convolution(flow, step)
        parts = [
            part
            for part in parts
            if part.rule == "addition" and part.end in direct
        ]
    elif identities and not adds:
        _move_into_branch(flow, block, step, identities)
    for part in parts:
        found.remove(part)
    return block


def _all_lead_directly(flow, step, parts):
    """Whether no concatenation of the parts is a cell of its own."""
    direct = _reached_without_convolution(flow, step)
    return all(
        part.end in direct for part in parts if part.rule == "concatenation"
    )


def _is_identity(flow, key, fork):
    """Whether a tensor is the fork's, up to what has no convolution."""
    waiting = [key[0]]
    while waiting:
        index = waiting.pop()
        if index == fork:
            return True
        step = flow.steps[index]
        if index < fork or _convolves(step):
            continue
        if not layer_kinds.is_pooling(step.operation):
            waiting += step.sources
    return False


def _own_steps(flow, step, parts):
    """Returns the steps of a cell: back to the concatenations before it."""
    ends = {part.end for part in parts if part.rule == "concatenation"}
    ends.add(flow.dominator[step.index])
    own, waiting = set(), list(step.sources)
    while waiting:
        index = waiting.pop()
        if index not in own and index not in ends:
            own.add(index)
            waiting += flow.steps[index].sources
    return own


def _reached_without_convolution(flow, step):
    reached, waiting = set(), list(step.sources)
    while waiting:
        index = waiting.pop()
        if index not in reached and not _convolves(flow.steps[index]):
            reached.add(index)
            waiting += flow.steps[index].sources
    return reached


def _is_long(flow, region, fork, step, parts):
    if _series(flow, parts) > _LONGEST_SERIES:
        return True
    before, after = flow.steps[fork].height, step.height
    largest = _LARGEST_DROP * (after or 0) + _LOST_TO_EDGES
    if before and after and before > largest:
        return True
    longest = {fork: 0}
    for index in sorted(region):
        own = flow.steps[index]
        longest[index] = _convolves(own) + max(
            longest.get(source, 0) for source in own.sources
        )
    return max(longest.values()) > _MOST_CONVOLUTIONS


def _series(flow, parts):
    """Returns the weight of the longest series of blocks among the parts."""
    weights = []
    for number, part in enumerate(parts):
        before = [
            weight
            for weight, other in zip(weights, parts[:number])
            if flow.dominates(other.end, part.end)
        ]
        own = 1 if part.rule == "addition" else 0.5
        weights.append(own + max(before, default=0))
    return max(weights, default=0)


def _goes_down_and_up(flow, region):
    shrunk = set()
    for index in sorted(region):
        step = flow.steps[index]
        behind = any(source in shrunk for source in step.sources)
        change = _change(flow, step)
        if change == "up" and behind:
            return True
        if behind or change == "down":
            shrunk.add(index)
    return False


def _change(flow, step):
    """Returns "up", "down" or None: what a step does to the map's size."""
    source = flow.steps[step.sources[0]]
    if not flow.is_map(source) or "Padding" in type(step.operation).__name__:
        return None
    if source.height and step.height:
        ratio = step.height / source.height
        if ratio >= _ENLARGED:
            return "up"
        return "down" if ratio <= _SHRUNK else None
    if layer_kinds.is_resizing(step.operation):
        return "up"
    strides = getattr(layer_kinds.core(step.operation), "strides", 1)
    largest = max(strides) if isinstance(strides, (list, tuple)) else strides
    return "down" if largest > 1 else None


def _has_spatial(flow, region):
    for index in region:
        operation = flow.steps[index].operation
        inner = layer_kinds.inner_convolutions(operation)
        if layer_kinds.is_convolution(operation):
            inner = [operation]
        if any(layer_kinds.is_spatial(each) for each in inner):
            return True
    return False


def _convolves(step):
    operation = step.operation
    return layer_kinds.is_convolution(operation) or bool(
        layer_kinds.inner_convolutions(operation)
    )


def _move_into_branch(flow, block, step, identities):
    """Moves φ before the last activation of what a dense layer adds."""
    index = max(key[0] for key in step.read if key not in identities)
    block.position = index
    while index in block.region:
        current = flow.steps[index]
        if layer_kinds.is_fused(current.operation):
            block.position, block.splits = index, True
            return
        source = current.sources[0]
        if current.is_activation:
            if source in block.region:
                block.position = source
            return
        index = source
