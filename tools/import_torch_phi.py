r"""Turns the PyTorch checkpoint of a φ into a SavedModel, without PyTorch.

    python -m tools.import_torch_phi --checkpoint=perturb_750.pth \
        --output=exports/phi_published

Reads the legacy stream that the paper's authors published and today's zip;
nothing in the file is executed.
"""

from absl import flags

from tools import binary

_CHECKPOINT = flags.DEFINE_string(
    "checkpoint", None, "File with the six tensors of φ as a state dict."
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder of the SavedModel; an old one is replaced."
)


def main():
    # Late, so that --help and a wrong flag answer at once.
    import hashlib
    import pathlib

    import mp_keras

    path = pathlib.Path(_CHECKPOINT.value)
    phi = mp_keras.import_torch_perturbation(path)
    card = {
        "source": f"PyTorch checkpoint {path.name}",
        "source_digest": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    mp_keras.save_perturbation(phi, _OUTPUT.value, card=card)
    print(f"82 numbers of {path} are in {_OUTPUT.value}")


if __name__ == "__main__":
    flags.mark_flags_as_required(["checkpoint", "output"])
    binary.run(main)
