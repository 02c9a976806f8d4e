"""TensorBoard summaries of φ at each position (MetaPerturb, figure 10)."""

import numpy as np
import tensorflow as tf

_PICTURED = 3  # positions shown as pictures: first, middle, last
_PICTURE_PIXELS = 96  # height of one map


def write(views):
    """Writes scale, noise and feature maps to the default summary writer.

    Args:
        views: List of `PositionView`, in the order of the network.
    """
    for view in views:
        tag = f"perturb/{view.name}"
        tf.summary.scalar(f"{tag}/scale_mean", np.mean(view.scale))
        tf.summary.scalar(f"{tag}/noise_mean", np.mean(view.noise))
        tf.summary.histogram(f"{tag}/scale", view.scale)
        tf.summary.histogram(f"{tag}/noise", view.noise)
    if not views:
        return
    coefficient = views[0].noise_coefficient
    tf.summary.scalar("perturb/noise_coefficient", coefficient)
    for index in sorted({0, len(views) // 2, len(views) - 1})[:_PICTURED]:
        view = views[index]
        tf.summary.image(
            f"feature_map/{view.name}",
            draw_maps(view)[np.newaxis],
            description="Left to right: before φ, the noise, after φ.",
        )


def draw_maps(view, example=0):
    """Returns a gray picture: features before φ, the noise, features after.

    Shows the channel with the strongest features of one example. Before and
    after share one range of gray, the noise has its own.

    Args:
        view: `PositionView`.
        example: Int, index in the batch.

    Returns: uint8 array `(height, width, 1)`.
    """
    channel = view.strongest_channel(example)
    before, noise, after = (
        np.maximum(maps[example, :, :, channel], 0)
        for maps in (view.features, view.noise, view.outputs)
    )
    brightest = max(before.max(), after.max())
    repeats = max(1, _PICTURE_PIXELS // before.shape[0])
    panels = []
    for panel, top in (
        (before, brightest),
        (noise, noise.max()),
        (after, brightest),
    ):
        panel = np.uint8(255 * panel / max(top, 1e-6))
        panel = np.kron(panel, np.ones((repeats, repeats), np.uint8))
        panels.append(np.pad(panel, 2, constant_values=255))
    return np.concatenate(panels, axis=1)[:, :, np.newaxis]
