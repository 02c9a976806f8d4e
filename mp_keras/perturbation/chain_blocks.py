"""Blocks without branches: a convolution, its norm, its activation.

Between convolution and activation may lie whatever keeps the channels: norms,
dropout, pooling. Some convolutions belong together:

    [1x1] depthwise 1x1         # MobileNet, and MobileNetV2 without a skip
    larger 1x1 without activation, norm         # EfficientNetV2 without a skip
    separable, separable        # in networks with other blocks, at one height
    a layer of the caller's own that holds convolutions

Where there are blocks with branches, depthwise ones or layers of the caller's
own, plain convolutions before them are a stem, which has no position, and 1x1
convolutions are no blocks.
"""

import keras

from mp_keras.graphs import following
from mp_keras.graphs import layer_kinds
from mp_keras.perturbation import branched_blocks

_LONGEST_STEM = 5  # InceptionV3's; more convolutions are a network


def find(flow, branched):
    """Returns the blocks without branches and the convolutions left bare.

    Args:
        flow: `flow.Flow`.
        branched: List of `branched_blocks.Block`.

    Returns: a list of `Block`, and a list of the indices of convolutions
        larger than 1x1 that no block holds.
    """
    return _Search(flow, branched).find()


class _Search:
    def __init__(self, flow, branched):
        self.flow = flow
        covered = set()
        for block in branched:
            covered |= block.region | {block.end}
        self.convolutions = {
            step.index: step
            for step in flow.steps
            if step.index in flow.live
            and step.index not in covered
            and not step.repeated
            and flow.is_map(step)
            and len(step.read) == 1
            and following.holds_convolutions(step)
        }
        self.branched = branched
        self.blocks = []
        self.used = set()
        self.stem = set()

    def find(self):
        own = []  # layers of the caller's own that hold one convolution
        for step in self.convolutions.values():
            inner = layer_kinds.inner_convolutions(step.operation)
            if len(inner) > 1:
                self._take([step], "layer")
            elif inner:
                own.append(_new_block(step, (step.index, False), "layer"))
            elif layer_kinds.is_depthwise(step.operation):
                self._take_depthwise(step)
        self.blocks += self._without_stem(own, self.branched + self.blocks)
        self.used |= {block.end for block in own}
        around = self.branched + self.blocks
        if around:
            for step in self.convolutions.values():
                self._take_bottleneck(step)
        plain = []
        for step in self._unused():
            place = self._before_activation(step)
            if place is not None:
                plain.append(_new_block(step, place, "convolution"))
        if around:
            plain = [each for each in plain if self._is_spatial(each.end)]
        plain = self._without_stem(plain, around)
        ends = {block.end for block in plain}
        if around:
            plain = [
                block for block in plain if not self._goes_on(block.end, ends)
            ]
        self.blocks += plain
        return self.blocks, self._bare(len(around))

    def _without_stem(self, plain, around):
        stem = [each for each in plain if self._is_lead(each.end, around)]
        if len(stem) > _LONGEST_STEM:
            return plain
        self.stem |= {each.end for each in stem}
        return [each for each in plain if each not in stem]

    def _bare(self, blocks):
        held = {block.end for block in self.blocks} | self.used
        if len(self.stem) <= max(2, blocks):
            held |= self.stem
        return [
            step.index
            for step in self._unused()
            if step.index not in held
            and self._is_spatial(step.index)
            and not _is_transposed(step)
            and not self._goes_on(step.index, held)
            and (
                self._before_activation(step) is not None
                or self._next(step) is not None
            )
        ]

    def _take_depthwise(self, step):
        point = self._next(step)
        if not self._is_free_point(point):
            return
        members = [step, point]
        for before in self._unused():
            if self._is_free_point(before) and self._next(before) is step:
                members.insert(0, before)
        self._take(members, "depthwise")

    def _take_bottleneck(self, step):
        if step.index in self.used or not self._is_spatial(step.index):
            return
        point = self._next(step)
        if (
            self._before_activation(step) is not None
            and self._is_free_point(point)
            and self._before_activation(point) is None
            and self._has_norm(point)
            and not _is_transposed(self._next(point))
        ):
            self._take([step, point], "bottleneck")

    def _take(self, members, rule):
        last = members[-1]
        place = self._before_activation(last)
        if place is None:
            end = last if rule == "layer" else self._path_end(last)
            place = end.index, False
        self.used |= {member.index for member in members}
        self.blocks.append(_new_block(last, place, rule))

    def _path_end(self, step):
        return following.path(self.flow, step)[-1]

    def _next(self, step):
        return following.next_convolution(self.flow, step)

    def _unused(self):
        return [
            step
            for index, step in self.convolutions.items()
            if index not in self.used
        ]

    def _is_free_point(self, step):
        return (
            step is not None
            and step.index in self.convolutions
            and step.index not in self.used
            and not self._is_spatial(step.index)
            and not layer_kinds.is_gate(step.operation)
        )

    def _is_spatial(self, index):
        operation = self.flow.steps[index].operation
        inner = layer_kinds.inner_convolutions(operation) or [operation]
        return any(layer_kinds.is_spatial(each) for each in inner)

    def _is_lead(self, index, around):
        ends = [block.end for block in around]
        is_before = self.flow.is_before
        return any(is_before(index, end) for end in ends) and not any(
            is_before(end, index) for end in ends
        )

    def _goes_on(self, index, ends):
        """Whether a separable convolution's block ends further on."""
        step = self.flow.steps[index]
        successor = self._next(step)
        return (
            successor is not None
            and successor.index in ends
            and successor.height == step.height
            and all(
                isinstance(
                    layer_kinds.core(each.operation),
                    keras.layers.SeparableConv2D,
                )
                for each in (step, successor)
            )
        )

    def _before_activation(self, step):
        """Returns the step that φ follows and whether it splits it, or None."""
        if layer_kinds.is_fused(step.operation):
            return step.index, True
        path = following.path(self.flow, step, same_shape=False)
        follower = following.follower(self.flow, path[-1])
        if follower is None or not follower.is_activation:
            return None
        return path[-1].index, False

    def _has_norm(self, step):
        return any(
            layer_kinds.is_norm(each.operation)
            for each in following.path(self.flow, step)
        )


def _new_block(last, place, rule):
    position, splits = place
    return branched_blocks.Block(position, set(), rule, splits, last.index)


def _is_transposed(step):
    """Whether a step, None as well, is no convolution that goes forward."""
    return step is None or isinstance(
        layer_kinds.core(step.operation), keras.layers.Conv2DTranspose
    )
