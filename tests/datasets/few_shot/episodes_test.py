"""Episodes: what is in them, how often, and that steps decide them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from mp_keras import replicas
from pipeline.datasets.few_shot import ClassImages
from pipeline.datasets.few_shot import episode_batches
from tests.datasets.few_shot import examples


def _episodes(data, **changes):
    arguments = {
        "ways": 5,
        "shots": 2,
        "queries": 7,
        "tasks": 3,
        "seed": 0,
        "start_step": 0,
        "steps": 4,
        **changes,
    }
    return episode_batches(data, **arguments)


def _stacked(dataset):
    """Returns all steps in one dict of arrays `(steps, tasks, ...)`."""
    steps = [step._asdict() for step in dataset.as_numpy_iterator()]
    return {key: np.stack([step[key] for step in steps]) for key in steps[0]}


@pytest.fixture(scope="module")
def data():
    """12 classes of 6 images, mixed."""
    whole = examples.numbered_classes(12, 6)
    order = np.random.default_rng(0).permutation(72)
    return ClassImages(
        whole.images[order], whole.labels[order], whole.class_names
    )


@pytest.fixture(scope="module")
def batch(data):
    """The episodes of the usual arguments."""
    return _stacked(_episodes(data))


class EpisodeBatchesTest:
    def test_shapes_are_static(self, data):
        dataset = _episodes(data, start_step=1)
        assert dataset.element_spec._asdict() == {
            "support_images": tf.TensorSpec((3, 10, 2, 2, 1), tf.float32),
            "support_labels": tf.TensorSpec((3, 10), tf.int64),
            "query_images": tf.TensorSpec((3, 7, 2, 2, 1), tf.float32),
            "query_labels": tf.TensorSpec((3, 7), tf.int64),
            "seeds": tf.TensorSpec((3, 2), tf.int32),
        }
        assert dataset.cardinality() == 3

    @pytest.mark.parametrize("queries_per", ["task", "class"])
    def test_one_class_a_label_and_each_image_once(self, data, queries_per):
        batch = _stacked(_episodes(data, queries=4, queries_per=queries_per))
        images = [batch["support_images"], batch["query_images"]]
        numbers = examples.numbers(np.concatenate(images, axis=2))
        labels = np.concatenate(
            [batch["support_labels"], batch["query_labels"]], axis=2
        )
        for some, their in zip(numbers.reshape(12, -1), labels.reshape(12, -1)):
            assert len(set(some)) == len(some)
            pairs = set(zip(their, some // 6))
            assert len(pairs) == 5  # a class each
            assert len({drawn for _, drawn in pairs}) == 5

    def test_queries_of_a_task_are_spread_evenly(self, batch):
        labels = batch["query_labels"]
        counts = [
            np.bincount(row, minlength=5) for row in labels.reshape(12, 7)
        ]
        assert {tuple(sorted(row)) for row in counts} == {(1, 1, 1, 2, 2)}
        assert len({tuple(row) for row in counts}) > 3  # not always the same

    def test_fewer_queries_than_ways_are_of_distinct_classes(self, data):
        labels = _stacked(_episodes(data, ways=8, queries=6))["query_labels"]
        assert all(len(set(row)) == 6 for row in labels.reshape(12, 6))
        assert len(np.unique(labels)) == 8

    def test_queries_of_each_class(self, data):
        batch = _stacked(_episodes(data, queries=3, queries_per="class"))
        for row in batch["query_labels"].reshape(12, 15):
            assert np.bincount(row).tolist() == [3] * 5

    def test_pixels_lie_between_0_and_1(self, data):
        white = np.full_like(data.images, 255)
        white[:, 0] = 51
        batch = _stacked(_episodes(dataclasses.replace(data, images=white)))
        for key in ("support_images", "query_images"):
            assert (batch[key][..., 0, :, :] == np.float32(0.2)).all()
            assert (batch[key][..., 1, :, :] == 1).all()


class ClassesPerTest:
    def test_tasks_of_a_meta_batch_share_their_classes_and_labels(self, data):
        own, shared = (
            _stacked(_episodes(data, tasks=4, steps=20, classes_per=per))
            for per in ("task", "meta_batch")
        )
        numbers = [
            examples.numbers(batch["support_images"]).reshape(20, 4, 10)
            for batch in (own, shared)
        ]
        classes = [each[..., ::2] // 6 for each in numbers]
        assert not (classes[0] == classes[0][:, :1]).all()
        np.testing.assert_array_equal(
            classes[1], np.tile(classes[0][:, :1], (1, 4, 1))
        )
        # Each task has images and noise of its own.
        np.testing.assert_array_equal(own["seeds"], shared["seeds"])
        assert len({tuple(row) for row in numbers[1].reshape(80, 10)}) == 80


class EpisodeStepsTest:
    def test_late_start_equals_tail(self, data, batch):
        received = _stacked(_episodes(data, start_step=2))
        for key, expected in batch.items():
            np.testing.assert_array_equal(received[key], expected[2:])

    def test_task_does_not_depend_on_the_others(self, data, batch):
        more = _stacked(_episodes(data, tasks=5))
        for key, expected in batch.items():
            np.testing.assert_array_equal(more[key][:, :3], expected)

    def test_every_task_step_and_seed_has_its_own(self, data, batch):
        batches = [batch, _stacked(_episodes(data, seed=1))]
        images = [batch["support_images"] for batch in batches]
        episodes = examples.numbers(np.concatenate(images)).reshape(24, -1)
        assert len({tuple(row) for row in episodes}) == 24
        seeds = np.concatenate([b["seeds"].reshape(-1, 2) for b in batches])
        assert len({tuple(row) for row in seeds}) == 24
        assert seeds.min() >= 0

    def test_draws_are_uniform(self, data):
        """Classes, their labels, examples, and labels of the last queries."""
        batch = _stacked(_episodes(data, tasks=100, steps=20))
        support = examples.numbers(batch["support_images"]).reshape(2000, 10)
        classes = support[:, ::2] // 6
        pairs = 5 * classes + np.arange(5)  # of class and label
        last = batch["query_labels"][..., -1]
        for drawn, size in ((pairs, 60), (support, 72), (last, 5)):
            counts = np.bincount(drawn.ravel(), minlength=size)
            assert stats.chisquare(counts).pvalue > 1e-3

    def test_classes_of_many_sizes(self):
        labels = np.repeat(np.arange(3), [4, 60, 9])
        whole = examples.numbered_classes(1, 73)
        data = ClassImages(whole.images, labels, ("a", "b", "c"))
        dataset = _episodes(data, ways=3, shots=1, queries=9, tasks=200)
        batch = _stacked(dataset)
        images = [batch["support_images"], batch["query_images"]]
        numbers = examples.numbers(np.concatenate(images, axis=2))
        drawn = labels[numbers.reshape(800, 12)]
        assert (np.sort(drawn) == np.repeat(np.arange(3), 4)).all()
        assert len(np.unique(numbers)) == 73

    def test_images_are_no_part_of_a_function(self, data):
        large = dataclasses.replace(data, images=np.tile(data.images, 100))

        def size(some):
            graph = _episodes(some)._as_serialized_graph().numpy()
            definition = tf.compat.v1.GraphDef.FromString(graph)
            return definition.library.ByteSize()

        assert size(large) < size(data) + 1000  # 28,800 bytes more of images

    def test_tasks_are_split_among_replicas(self, data):
        strategy = replicas.mirrored_strategy(["CPU:0", "CPU:1"])
        dataset = _episodes(data, tasks=4, steps=1)
        step = next(iter(strategy.experimental_distribute_dataset(dataset)))
        halves = strategy.experimental_local_results(step.support_images)
        expected = next(iter(dataset)).support_images
        assert [half.shape[0] for half in halves] == [2, 2]
        np.testing.assert_array_equal(np.concatenate(halves), expected)


class EpisodeErrorTest:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"ways": 1}, "`ways` must be(.|\n)*2. Received: ways=1"),
            ({"ways": 13}, "`ways` must be at most 12(.|\n)*ways=13"),
            ({"shots": 0}, "Received: shots=0"),
            ({"queries": 0}, "Received: queries=0"),
            ({"queries_per": "way"}, "'task' or 'class'. Rec.*'way'"),
            ({"classes_per": "x"}, "`classes_per`.*'task' or 'meta_batch'"),
            ({"tasks": 0}, "Received: tasks=0"),
            ({"seed": -1}, "Received: seed=-1"),
            ({"start_step": 5}, "start_step=5, steps=4"),
            ({"shots": 6}, "at least 8 images: shots=6 and 2 to query"),
            ({"queries": 5, "queries_per": "class"}, "7 images: shots=2 and 5"),
        ],
    )
    def test_wrong_argument_raises(self, data, changes, message):
        with pytest.raises(ValueError, match=message):
            _episodes(data, **changes)

    def test_class_with_few_images_is_named(self, data):
        first = np.flatnonzero(data.labels == 7)[:3]
        small = ClassImages(
            np.delete(data.images, first, axis=0),
            np.delete(data.labels, first),
            data.class_names,
        )
        with pytest.raises(ValueError, match="Received: 3 of class 'class 7'"):
            _episodes(small)
