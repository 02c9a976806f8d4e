"""φ against the NumPy reference and against the authors' own numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from mp_keras.perturbation import function
from tests.perturbation import reference

TORCH_NAMES = {
    "scale_kernels": "kernel",
    "noise_self_1": "phi_1.w_identity",
    "noise_all_1": "phi_1.w_all",
    "noise_self_2": "phi_2.w_identity",
    "noise_all_2": "phi_2.w_all",
    "scale_head": "fc.weight",
}


class FixedNoise(mp_keras.MetaPerturbLayer):
    """The layer with the normal draws handed in."""

    eps = None

    def sample_noise(self, inputs, training=False):
        return tf.constant(self.eps)


def run_layer(phi, inputs, eps, config, upstream):
    """Runs the layer and returns what `reference.perturbed` returns."""
    channel_norm, spatial_norm, coefficient = (float(x) for x in config)
    layer = FixedNoise(
        mp_keras.PerturbationFunction(phi),
        channel_norm=channel_norm,
        spatial_norm=spatial_norm,
    )
    layer.eps = np.asarray(eps, "float32")
    layer.build(inputs.shape)
    layer.noise_coefficient.assign(coefficient)
    inputs = tf.constant(inputs, "float32")
    weights = [
        getattr(layer.perturbation, name).value
        for name in function.WEIGHT_SHAPES
    ]
    with tf.GradientTape() as tape:
        tape.watch([inputs, *weights])
        output = layer(inputs, training=True)
        loss = tf.reduce_sum(output * tf.cast(upstream, "float32"))
    gradients = tape.gradient(loss, [inputs, *weights])
    result = {
        "output": output.numpy(),
        "moving_mean": layer.moving_mean.numpy(),
        "moving_variance": layer.moving_variance.numpy(),
        "grad_inputs": gradients[0].numpy(),
    }
    names = function.WEIGHT_SHAPES
    for name, gradient in zip(names, gradients[1:]):
        result[f"grad {name}"] = gradient.numpy()
    layer.noise_coefficient.assign(1.0)
    result["test output"] = layer(inputs, training=False).numpy()
    return result


def run_reference(phi, inputs, eps, config, upstream):
    result = reference.perturbed(phi, inputs, eps, config, upstream)
    statistics = result["moving_mean"], result["moving_variance"]
    test = reference.perturbed(
        phi, inputs, eps, (*config[:2], 1.0), statistics=statistics
    )
    flat = {f"grad {name}": g for name, g in result["grad"].items()}
    flat["test output"] = test["output"]
    for name in ("output", "moving_mean", "moving_variance", "grad_inputs"):
        flat[name] = result[name]
    return flat


def assert_close(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        atol = 1e-5 * np.abs(value).max()
        np.testing.assert_allclose(
            actual[name], value, rtol=0, atol=atol, err_msg=name
        )


def random_case(shape, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    phi = {
        name: rng.normal(0, 0.3, size).astype("float32")
        for name, size in function.WEIGHT_SHAPES.items()
    }
    draw = lambda: rng.normal(0, 1, shape).astype("float32")  # noqa: E731
    return phi, scale * draw(), draw(), draw()


@pytest.mark.parametrize(
    ("shape", "config", "scale"),
    [
        ((8, 32, 32, 16), (64, 32, 0.7), 1.0),
        ((6, 8, 8, 64), (64, 32, 1.0), 1.0),
        ((4, 21, 17, 5), (512, 84, 0.3), 1.0),
        ((3, 5, 4, 1), (16, 28, 0.0), 1.0),
        ((2, 3, 3, 2), (16, 28, 0.9), 150.0),  # the clip at 100
    ],
)
def test_layer_equals_the_reference(shape, config, scale):
    phi, inputs, eps, upstream = random_case(shape, sum(shape), scale)
    expected = run_reference(phi, inputs, eps, config, upstream)
    assert_close(run_layer(phi, inputs, eps, config, upstream), expected)


@pytest.mark.parametrize("position", ["early", "late", "odd"])
@pytest.mark.parametrize("run", [run_layer, run_reference])
def test_position_equals_the_authors_code(shared, position, run):
    arrays = np.load(shared / "official" / "phi_parity.npz")
    phi = {
        name: arrays[f"phi/{torch_name}"].reshape(function.WEIGHT_SHAPES[name])
        for name, torch_name in TORCH_NAMES.items()
    }

    def read(name):
        return arrays[f"{position}/{name}"]

    expected = {
        "output": read("train_output"),
        "moving_mean": read("running_mean"),
        "moving_variance": read("running_var"),
        "grad_inputs": read("grad_inputs"),
        "test output": read("test_output"),
    }
    for name, torch_name in TORCH_NAMES.items():
        gradient = read(f"grad/{torch_name}")
        expected[f"grad {name}"] = gradient.reshape(
            function.WEIGHT_SHAPES[name]
        )
    actual = run(
        phi,
        read("inputs"),
        read("eps"),
        read("config").astype("float64"),
        read("loss_weights"),
    )
    assert_close(actual, expected)
    phi_ours = mp_keras.PerturbationFunction(phi)
    mean = keras.ops.convert_to_numpy(phi_ours.noise_mean(read("inputs")))
    assert_close({"mean": mean}, {"mean": read("mean")})


def test_reference_gradient_equals_finite_differences():
    phi, inputs, eps, upstream = random_case((3, 4, 4, 2), 7)
    config = (8, 4, 0.8)
    grad = reference.perturbed(phi, inputs, eps, config, upstream)["grad"]
    for name in phi:
        values = []
        for step in (1e-6, -1e-6):
            moved = {k: v.astype("float64") for k, v in phi.items()}
            moved[name].flat[1] += step
            output = reference.perturbed(moved, inputs, eps, config)["output"]
            values.append(np.sum(output * upstream))
        slope = (values[0] - values[1]) / 2e-6
        np.testing.assert_allclose(grad[name].flat[1], slope, rtol=1e-5)
