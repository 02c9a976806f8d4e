"""Meta-training for few-shot tasks (Lee et al., ICLR 2020, algorithm 1).

    for every step:
        for every task t of the meta-batch (spread over the replicas):
            theta_t = inner steps from theta with noise      # inner tapes
            loss_t  = loss(query; theta_t), without noise    # outer tape
            g_t     = d loss_t / d (theta, phi, ...), second order
        all -= Adam(clip(mean of g_t over all tasks of all replicas))

The trap: the clip is of the mean gradient, after the all-reduce; clipping the
gradients of tasks or replicas would be another rule.
"""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras import classification
from mp_keras import optimizers
from mp_keras import replicated_trainer
from mp_keras.few_shot import learner as learner_module
from mp_keras.few_shot import weight_spec

# In the order in which `train_step` gathers them.
_METRICS = (
    "support_loss",
    "query_loss",
    "query_accuracy",
    "outer_grad_norm",
    "outer_weight_norm",
    "outer_update_norm",
)
_NOISE_METRICS = (  # the same of φ alone, where there is one
    "perturb_grad_norm",
    "perturb_weight_norm",
    "perturb_update_norm",
)
_TASK_METRICS = 3  # the first of `_METRICS` are means over the tasks


class FewShotTrainer(replicated_trainer.ReplicatedTrainer):
    """Learns θ's start, and φ, over many tasks; used by `compile` and `fit`.

    `fit` takes a data set whose element is one step, a meta-batch: support
    images `(tasks, examples, height, width, channels)` float, in [0, 1],
    support labels `(tasks, examples)`, query images, query labels, and seeds
    `(tasks, 2)` of the noise. Under a `MirroredStrategy` the task axis is
    split over the replicas; all learned weights are the same on each.

    Args:
        learner_fn: Function without arguments that returns the
            `FewShotLearner`; called once, in the strategy's scope.
        tasks: Int >= 1, tasks of a meta-batch, a multiple of the replicas.
        clip: Float > 0, default 3: each number of the mean gradient is
            clipped to [-clip, clip]; None for no clip.
        noise_from: Int >= 0, default 0: the first step with normal noise.
            Before it, all normal draws are 0.
        strategy: `tf.distribute.Strategy` or None (default) for one device.
        **kwargs: Passed to `keras.Model`.

    Attributes: `learner`.
    Raises: ValueError, if an argument is not as above; in `fit`, if a step has
        another number of tasks.

    Reference: Lee et al., ICLR 2020, algorithm 1; section 4, experimental
        setup.
    """

    def __init__(
        self,
        learner_fn,
        tasks,
        clip=3.0,
        strategy=None,
        noise_from=0,
        **kwargs,
    ):
        argument_checks.check_at_least("noise_from", noise_from, 0)
        if clip is not None and not clip > 0:
            raise ValueError(
                "Argument `clip` must be positive, or None for no clip. "
                f"Received: clip={clip}"
            )
        if isinstance(learner_fn, learner_module.FewShotLearner):
            raise _no_function(learner_fn)
        strategy = strategy or tf.distribute.get_strategy()
        with strategy.scope():
            learner = learner_fn()
        if not isinstance(learner, learner_module.FewShotLearner):
            raise _no_function(learner)
        noise = tuple(
            spec.group == weight_spec.NOISE for spec in learner.specs.values()
        )
        metrics = _METRICS + (_NOISE_METRICS if any(noise) else ())
        super().__init__(tasks, metrics, strategy, **kwargs)
        self.clip = clip
        self.noise_from = noise_from
        self.learner = learner
        self._noise = noise
        self.built = True

    def compile(self, optimizer=None, **kwargs):
        """Sets the outer optimizer.

        Args:
            optimizer: `keras.optimizers.Optimizer`, or None for Adam at 1e-3.
                Copied into the strategy's scope.
            **kwargs: `run_eagerly` and `steps_per_execution`, as in Keras.
        """
        self.compile_outer(
            optimizer or optimizers.AdamL2(l2=0.0),
            self.learner.trainable_variables,
            **kwargs,
        )

    def train_step(self, data):
        values = self.learner.values()
        tasks = self.check_step(data, unknown=False)

        def one_task(task):
            return self.task_gradients(
                values, *(tf.gather(part, task) for part in data)
            )

        old = list(values.values())
        gradients, sums = self.sum_over_tasks(
            tasks, one_task, old, _TASK_METRICS
        )
        logs = self.update_shared(
            old,
            gradients,
            self.learner.trainable_variables,
            self.clip,
            self._noise,
        )
        return self.log([total / tasks for total in sums] + logs)

    def task_gradients(
        self,
        values,
        support_images,
        support_labels,
        query_images,
        query_labels,
        seed,
    ):
        """Returns the outer gradients of one task (algorithm 1, lines 3-11).

        Args:
            values: Dict from name to tensor, the learned weights.
            support_images: Float tensor `(examples, height, width, channels)`.
            support_labels: Int tensor `(examples,)`.
            query_images: Float tensor; so are `query_labels` ints.
            seed: Int tensor `(2,)`, of the noise.

        Returns: list of the gradients, in the order of `values`; list of the
            last support loss, the query loss and the query accuracy.
        """
        with tf.GradientTape() as outer_tape:
            outer_tape.watch(values)
            adapted, support_loss = self.learner.adapt(
                values,
                support_images,
                support_labels,
                seed,
                scale=self._noise_scale(),
            )
            loss, logits = self.learner.query_loss(
                adapted, query_images, query_labels
            )
        gradients = outer_tape.gradient(
            loss,
            list(values.values()),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        hits = classification.accuracy(query_labels, logits)
        return gradients, [support_loss, loss, hits]

    def _noise_scale(self):
        """0 before the step `noise_from`, then 1; None where that is all."""
        if not self.noise_from:
            return None
        begun = self.optimizer.iterations >= self.noise_from
        return tf.cast(begun, self.learner.variable_dtype)

    @property
    def state(self):
        """All that a checkpoint must hold: name to list of variables."""
        return {
            "learner": [w.value for w in self.learner.weights],
            "optimizer": [v.value for v in self.optimizer.variables],
        }


def _no_function(received):
    return ValueError(
        "Argument `learner_fn` must be a function without arguments that "
        f"returns a FewShotLearner. Received: {received!r}"
    )
