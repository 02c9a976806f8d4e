"""φ at one position in NumPy (float64), forward and backward, by hand.

Written from the paper's section 3.2 and the list of what the authors' code
does differently; shares nothing with `mp_keras`.
"""

import numpy as np


def convolve(h, kernel):
    """One 3x3 kernel over every channel of (b, h, w, c), zero padding."""
    _, height, width, _ = h.shape
    padded = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        kernel[i, j] * padded[:, i : i + height, j : j + width]
        for i in range(3)
        for j in range(3)
    )


def convolve_gradient(h, kernel, upstream):
    """Gradients of `sum(convolve(h, kernel) * upstream)`: (of h, of kernel)."""
    _, height, width, _ = h.shape
    padded = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
    of_kernel = np.array(
        [
            [
                np.sum(padded[:, i : i + height, j : j + width] * upstream)
                for j in range(3)
            ]
            for i in range(3)
        ]
    )
    return convolve(upstream, kernel[::-1, ::-1]), of_kernel


def equivariant(h, self_kernel, all_kernel):
    pooled = h.mean(-1, keepdims=True)
    return convolve(h, self_kernel) + convolve(pooled, all_kernel)


def equivariant_gradient(h, self_kernel, all_kernel, upstream):
    of_h, of_self = convolve_gradient(h, self_kernel, upstream)
    pooled = h.mean(-1, keepdims=True)
    of_pooled, of_all = convolve_gradient(
        pooled, all_kernel, upstream.sum(-1, keepdims=True)
    )
    return of_h + of_pooled / h.shape[-1], of_self, of_all


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def expected_noise(mu):
    """E[softplus(a)], a ~ N(mu, 1), by the roots of He_3: 0, ±sqrt(3)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    return np.logaddexp(0, mu[..., None] + nodes) @ weights / np.sum(weights)


def perturbed(phi, h, eps, config, upstream=None, statistics=None):
    """Everything that φ computes with features `h` and normal draws `eps`.

    Without draws (None), the form without noise, forward alone.

    Args:
        phi: dict of the six weights.
        config: (channel_norm, spatial_norm, noise_coefficient).
        upstream: gradient of the loss with respect to the outputs.
        statistics: (moving mean, moving variance) for the test form.

    Returns: dict with `output`, `noise_mean`, `scale`, in training also
        `moving_mean`, `moving_variance`, with `upstream` also `grad_inputs`
        and `grad`.
    """
    phi = {name: np.asarray(w, "float64") for name, w in phi.items()}
    h = np.asarray(h, "float64")
    batch, height, _, channels = h.shape
    channel_norm, spatial_norm, c = config

    hidden = equivariant(h, phi["noise_self_1"], phi["noise_all_1"])
    rectified = np.maximum(hidden, 0)
    mu = equivariant(rectified, phi["noise_self_2"], phi["noise_all_2"])
    z = expected_noise(mu) if eps is None else np.logaddexp(0, mu + eps)

    responses = [convolve(h, k) for k in phi["scale_kernels"]]
    v = np.stack([np.maximum(r, 0).mean((1, 2)) for r in responses], -1)
    mean, variance = v.mean(0), v.var(0, ddof=1)
    used = (mean, variance) if statistics is None else statistics
    ratios = [channels / channel_norm, height / spatial_norm]
    x = np.concatenate([*used, np.tile(ratios, (channels, 1))], axis=1)
    s = sigmoid(x @ phi["scale_head"])

    factor = 1 + c * (s * z - 1)
    output = h * factor
    result = {"noise_mean": mu, "scale": s, "channel_features": v}
    if statistics is not None:
        return {**result, "output": output}
    result["output"] = np.minimum(output, 100)
    result["moving_mean"] = 0.1 * mean
    result["moving_variance"] = 0.9 + 0.1 * variance * batch / (batch - 1)
    if upstream is None:
        return result

    upstream = upstream * (output <= 100)
    grad, of_h = {}, upstream * factor
    of_sz = upstream * h * c
    of_logit = (of_sz * z).sum((0, 1, 2)) * s * (1 - s)
    grad["scale_head"] = of_logit @ x
    of_x = np.outer(of_logit, phi["scale_head"])
    of_v = of_x[:, :4] / batch
    of_v = of_v + of_x[:, 4:8] * 2 * (v - mean) / (batch - 1)
    grad["scale_kernels"] = np.zeros((4, 3, 3))
    for i, response in enumerate(responses):
        pixels = response.shape[1] * response.shape[2]
        of_response = of_v[:, None, None, :, i] * (response > 0) / pixels
        part, grad["scale_kernels"][i] = convolve_gradient(
            h, phi["scale_kernels"][i], of_response
        )
        of_h = of_h + part
    of_mu = of_sz * s * sigmoid(mu + eps)
    of_rectified, grad["noise_self_2"], grad["noise_all_2"] = (
        equivariant_gradient(
            rectified, phi["noise_self_2"], phi["noise_all_2"], of_mu
        )
    )
    part, grad["noise_self_1"], grad["noise_all_1"] = equivariant_gradient(
        h,
        phi["noise_self_1"],
        phi["noise_all_1"],
        of_rectified * (hidden > 0),
    )
    return {**result, "grad_inputs": of_h + part, "grad": grad}
