"""Adam with coupled L2, the optimizer of MetaPerturb's experiments.

Ryu et al., NeurIPS 2020, appendix C.4 call it weight decay 5e-4; the authors'
code adds it to the gradient, before Adam's moments, for every trained weight,
φ and batch norm included. AdamW is something else: it decays the weights
beside the moments.
"""

import typing

import keras
from keras import ops
from keras.optimizers import schedules

from mp_keras import argument_checks


@keras.saving.register_keras_serializable(package="mp_keras")
class AdamL2(keras.optimizers.Optimizer):
    """Adam on the gradient of `loss + l2 / 2 * sum of squared weights`.

    With `g = gradient + l2 * weight`, `m` and `v` Adam's two moments and `t`
    the step from 1: `weight -= learning_rate * m / (1 - beta_1^t) /
    (sqrt(v / (1 - beta_2^t)) + epsilon)`.

    Args:
        learning_rate: Float or `LearningRateSchedule`, default 1e-3.
        l2: Float >= 0, default 5e-4, the coefficient of the coupled L2.
        beta_1: Float in [0, 1), default 0.9.
        beta_2: Float in [0, 1), default 0.999.
        epsilon: Float > 0, default 1e-8 (as in PyTorch).
        **kwargs: Passed to `keras.optimizers.Optimizer`.

    Raises: ValueError, if `l2` is negative or not a number.

    >>> AdamL2(1e-3, l2=5e-4).l2
    0.0005
    """

    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule = 1e-3,
        l2: float = 5e-4,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "adam_l2",
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        argument_checks.check_at_least("l2", l2, 0)
        self.l2 = l2
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )

    def moments_and_weight(
        self, gradient, weight, momentum, velocity, step, learning_rate
    ):
        """Returns a weight and its moments after one step; assigns nothing.

        Args:
            gradient: Tensor, gradient of the loss without L2.
            weight: Tensor shaped like it; so are `momentum` and `velocity`.
            step: Integer scalar tensor, from 1.
            learning_rate: Float scalar tensor.

        Returns: new momentum, new velocity, new weight.
        """
        step = ops.cast(step, weight.dtype)
        learning_rate = ops.cast(learning_rate, weight.dtype)
        gradient = ops.cast(gradient, weight.dtype) + self.l2 * weight
        momentum = momentum + (1 - self.beta_1) * (gradient - momentum)
        velocity = velocity + (1 - self.beta_2) * (
            ops.square(gradient) - velocity
        )
        corrected = momentum / (1 - ops.power(self.beta_1, step))
        spread = ops.sqrt(velocity / (1 - ops.power(self.beta_2, step)))
        change = learning_rate * corrected / (spread + self.epsilon)
        return momentum, velocity, weight - change

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        slots = (self._momentums[index], self._velocities[index])
        momentum, velocity, weight = self.moments_and_weight(
            gradient,
            ops.convert_to_tensor(variable),
            ops.convert_to_tensor(slots[0]),
            ops.convert_to_tensor(slots[1]),
            self.iterations + 1,
            learning_rate,
        )
        self.assign(slots[0], momentum)
        self.assign(slots[1], velocity)
        self.assign(variable, weight)

    def get_config(self):
        return {
            **super().get_config(),
            "l2": self.l2,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
