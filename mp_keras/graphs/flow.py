"""The path of feature maps through a network, nested models opened up.

    steps = every call, from the inputs on, each with the steps that it reads
    map   = a tensor with height and width; no vector, no pooled 1x1 map
    read  = of several tensors the maps alone, and of factors what they gate
    dominator of a step = the last step that every path to it runs through

So squeeze-and-excitation, attention gates and metadata beside the image do not
count as branches. A concatenation that repeats all tensors of an earlier one
reads that one, as DenseNets that collect lists of tensors mean it.
"""

from mp_keras.graphs import graph_reading
from mp_keras.graphs import layer_kinds
from mp_keras.graphs import steps

_REDUCTIONS = frozenset("Mean Max Min Sum Amax Amin".split())


class Flow:
    """The steps of a model, with dominators and consumers.

    Args:
        model: Functional or Sequential `keras.Model`.

    Attributes:
        steps: List of `steps.Step`, in the order of `graph_reading.calls`.
        live: Set of the indices of steps that an output depends on.
        dominator: List; of each step the index of its closest dominator, -1
            where paths from several inputs meet.
        consumers: List of lists of indices, of live steps only.
    """

    def __init__(self, model):
        self.steps = []
        self._maps = {}  # from (index, output) to bool
        self._opened = set()
        view = graph_reading.view(model)
        outputs = self._open(view, None, False)
        self.live = self._reached_back(index for index, _ in outputs)
        self._find_dominators()
        self.consumers = [[] for _ in self.steps]
        for index in sorted(self.live):
            for source in self.steps[index].sources:
                self.consumers[source].append(index)

    def is_map(self, step):
        """Whether a step puts out one feature map, 4-D."""
        return (
            len(step.node.outputs) == 1
            and len(step.shape) == 4
            and self._maps[step.index, 0]
        )

    def is_before(self, first, second):
        """Whether a path leads from one step to another."""
        return first != second and bool(self._ancestors[second] >> first & 1)

    def dominates(self, first, second):
        """Whether all paths to the second step lead through the first."""
        return bool(self._dominators[second] >> first & 1)

    def region(self, first, last):
        """Returns the set of live steps on all paths strictly between."""
        return {
            index
            for index in range(first + 1, last)
            if index in self.live
            and self.is_before(index, last)
            and self.dominates(first, index)
        }

    def _open(self, view, feeds, repeated):
        """Appends a model's steps; returns where its outputs come from."""
        origins = {}
        if feeds is not None:
            origins = {id(t): feed for t, feed in zip(view.inputs, feeds)}
        for node in graph_reading.own_nodes(view):
            operation = node.operation
            if node.is_input and id(node.outputs[0]) in origins:
                continue
            inputs = [origins[id(tensor)] for tensor in node.input_tensors]
            if graph_reading.is_graph(operation):
                again = repeated or operation in self._opened
                self._opened.add(operation)
                inner = graph_reading.view(operation)
                results = self._open(inner, inputs, again)
            else:
                step = self._append(operation, node, inputs, repeated)
                results = [(step.index, i) for i in range(len(node.outputs))]
            for tensor, result in zip(node.outputs, results):
                origins[id(tensor)] = result
        return [origins[id(tensor)] for tensor in view.outputs]

    def _append(self, operation, node, inputs, repeated):
        distinct = list(dict.fromkeys(inputs))
        read = [key for key in distinct if self._maps[key]] or distinct
        step = steps.Step(
            len(self.steps), operation, node, inputs, read, repeated
        )
        self.steps.append(step)
        step.is_activation = layer_kinds.is_activation(operation)
        if len(read) > 1:
            if type(operation).__name__ == "Multiply":
                self._leave_gates_out(step)
            elif steps.is_concatenation(step):
                self._shorten(step)
        for number, tensor in enumerate(node.outputs):
            self._maps[step.index, number] = self._has_map(step, tensor.shape)
        return step

    def _has_map(self, step, shape):
        if len(shape) < 3:
            return False
        if len(shape) == 4 and None not in shape[1:3] and max(shape[1:3]) > 1:
            return True
        if step.node.is_input:
            return len(shape) == 4
        if not any(self._maps[key] for key in step.inputs):
            return False
        return len(shape) != 4 or not self._pools_all(step)

    def _pools_all(self, step):
        """Whether a map becomes one pixel for all of it."""
        if layer_kinds.is_convolution(step.operation):
            return False
        kind = type(step.operation).__name__
        if kind.startswith("Global") or kind in _REDUCTIONS:
            return True
        heights = [tensor.shape[1] for tensor in step.node.input_tensors]
        return step.height == 1 and None not in heights and max(heights) > 3

    def _leave_gates_out(self, step):
        for key in step.read:
            others = [other for other in step.read if other != key]
            if all(self._is_function_of(other, key) for other in others):
                step.read = [key]  # as x * sigmoid(x)
                step.is_activation = True
                return
        kept = [key for key in step.read if not self._ends_in_gate(key)]
        step.read = kept or step.read

    def _is_function_of(self, key, source):
        while key != source:
            step = self.steps[key[0]]
            if len(set(step.inputs)) != 1 or getattr(
                step.operation, "weights", None
            ):
                return False
            key = step.inputs[0]
        return True

    def _ends_in_gate(self, key):
        while True:
            step = self.steps[key[0]]
            if layer_kinds.is_gate(step.operation):
                return True
            convolves = layer_kinds.is_convolution(step.operation)
            if convolves or len(set(step.inputs)) != 1:
                return False
            key = step.inputs[0]

    def _shorten(self, step):
        best = max(
            (
                earlier
                for earlier in self.steps[: step.index]
                if len(earlier.read) > 1
                and steps.is_concatenation(earlier)
                and set(earlier.inputs) < set(step.inputs)
            ),
            key=lambda earlier: len(earlier.inputs),
            default=None,
        )
        if best is not None:
            rest = [key for key in step.read if key not in best.inputs]
            step.read = [(best.index, 0), *rest]

    def _reached_back(self, ends):
        reached, waiting = set(), list(ends)
        while waiting:
            index = waiting.pop()
            if index not in reached:
                reached.add(index)
                waiting += self.steps[index].sources
        return reached

    def _find_dominators(self):
        self.dominator, depth = [], []
        self._ancestors, self._dominators = [], []  # bit sets, with the step
        for step in self.steps:
            own = 1 << step.index
            ancestors, closest = own, None
            for source in step.sources:
                ancestors |= self._ancestors[source]
                closest = self._meet(closest, source, depth)
            closest = -1 if closest is None else closest
            self.dominator.append(closest)
            depth.append(depth[closest] + 1 if closest >= 0 else 0)
            above = self._dominators[closest] if closest >= 0 else 0
            self._ancestors.append(ancestors)
            self._dominators.append(own | above)

    def _meet(self, first, second, depth):
        """Returns the last common dominator of two steps, -1 if none."""
        if first is None:
            return second
        while first != second and first >= 0 and second >= 0:
            if depth[first] >= depth[second]:
                first = self.dominator[first]
            else:
                second = self.dominator[second]
        return first if first == second else -1
