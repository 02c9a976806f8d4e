"""Small good files of every kind that the product reads."""

import io
import json
import tarfile
import zipfile

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import mp_keras
from mp_keras import checkpointing
from pipeline.datasets import tfrecord_shards
from tests import small_networks
from tests.hostile import readers
from tests.perturbation import torch_files

SIZE = readers.IMAGE_SIZE
IMAGE_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")


def write_phi(folder):
    phi = small_networks.random_phi(3)
    mp_keras.save_perturbation(phi, folder / "phi", card={"seed": 3})


def write_torch_phi(folder, legacy=False):
    write = torch_files.legacy_file if legacy else torch_files.zip_file
    state, data = torch_files.make_state(torch_files.make_arrays())
    (folder / "phi.pth").write_bytes(write(state, data))


def write_network(folder):
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Conv2D(2, 3),
            mp_keras.MetaPerturbLayer(
                small_networks.random_phi(), channel_norm=2, spatial_norm=SIZE
            ),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    model.save(folder / "model.keras")


def write_classifier(folder):
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    mp_keras.save_classifier(model, folder / "classifier", samples=1)


def write_checkpoints(folder):
    variables = [tf.Variable(tf.range(16.0)), tf.Variable(7, dtype=tf.int64)]
    state = {"weights": variables[:1], "streams": variables[1:]}
    checkpoints = checkpointing.Checkpoints(folder / "checkpoints", state)
    for step in (5, 10):
        checkpoints.save(step)


def write_shards(folder):
    place = folder / "shards"
    place.mkdir()
    entries = {
        part: [
            tfrecord_shards.write_shard(
                place / tfrecord_shards.shard_name(part, 0, 1),
                [(pixels, label % 2) for label, pixels in enumerate(some)],
            )
        ]
        for part, some in (("train", _pixels(6)), ("test", _pixels(2)))
    }
    manifest = {
        "image_size": SIZE,
        "class_names": ["a", "b"],
        "shards": entries,
    }
    (place / tfrecord_shards.MANIFEST).write_text(json.dumps(manifest))
    for index in place.glob(f"*{tfrecord_shards.INDEX_SUFFIX}"):
        index.unlink()  # not read with images that fit into memory


def write_npz(folder, compressed=False):
    save = np.savez_compressed if compressed else np.savez
    save(folder / "images.npz", **arrays())


def arrays():
    """Returns what an npz file of images holds."""
    return {
        "train_images": _pixels(6),
        "train_labels": np.arange(6) % 2,
        "test_images": _pixels(2),
        "test_labels": np.arange(2),
        "class_names": np.array(["a", "b"]),
    }


def write_zip(folder):
    write = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(folder / "some.zip", "w", write) as archive:
        archive.writestr("some/", "")
        archive.writestr("some/a.txt", "a" * 300)
        archive.writestr("some/b.txt", bytes(range(256)))
        stored = zipfile.ZipInfo("some/c.txt")
        archive.writestr(stored, "stored, not deflated")


def write_mini_imagenet(folder):
    with zipfile.ZipFile(folder / "mini-imagenet.zip", "w") as archive:
        number = 0
        for table in ("train", "val", "test"):
            lines = ["filename,label"]
            for label in "ab":
                name = f"{table}_{label}.png"
                archive.writestr(f"images/{name}", encode("PNG", number))
                lines.append(f"{name},{table}_{label}")
                number += 1
            archive.writestr(f"{table}.csv", "\n".join(lines))


def write_tar(folder):
    with tarfile.open(folder / "some.tar.gz", "w:gz") as archive:
        for name in ("a.txt", "b.txt"):
            member = tarfile.TarInfo(f"some/{name}")
            member.size = 300
            archive.addfile(member, io.BytesIO(name[:1].encode() * 300))


def write_images(folder):
    for number, name in enumerate(("a/0", "a/1", "b/0", "b/1")):
        file = folder / "images" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode("PNG", number))


def write_picture(folder, kind):
    (folder / "picture").write_bytes(encode(kind))


def write_run(folder):
    place = folder / "run"
    place.mkdir()
    (place / "config.json").write_text(json.dumps(readers.CONFIG))
    windows = [{"step": 5, "loss": 1.5}, {"step": 10, "loss": 1.25}]
    lines = [json.dumps(window) + "\n" for window in windows]
    (place / "history.jsonl").write_text("".join(lines))
    (place / "seconds.json").write_text("12.5")
    (place / "result.json").write_text('{"accuracy": 50.0}')


def encode(kind, seed=0):
    """Returns the bytes of an image file of random pixels."""
    buffer = io.BytesIO()
    Image.fromarray(_pixels(1, seed)[0]).save(buffer, kind)
    return buffer.getvalue()


def _pixels(count, seed=0):
    shape = (count, SIZE, SIZE, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
