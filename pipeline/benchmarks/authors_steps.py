"""Times training steps of the authors' PyTorch code; runs in its environment.

Imports nothing but PyTorch and what it finds in a checkout of their
repository, which is used as it is. Each line on standard input is the name of
an action; the answer is its seconds. Their logging is left out.
"""

import importlib
import json
import pathlib
import sys
import time

# By name: neither it nor their code belongs to the main environment.
torch = importlib.import_module("torch")

_CLASSES = 10
_CLIP = 100  # their default


def main(checkout, settings):
    """Answers until the input ends.

    Args:
        checkout: Str, folder of the repository.
        settings: Str, JSON of `network`, `image_size` and `batch_size`.
    """
    if not (pathlib.Path(checkout) / "models" / "get_model.py").is_file():
        sys.exit(
            "--against must be a checkout of the authors' repository, with "
            f"models/get_model.py. Received: {checkout}"
        )
    sys.path.insert(0, checkout)
    if not torch.cuda.is_available():  # their statistics are on a GPU
        torch.Tensor.cuda = lambda tensor, *_, **__: tensor
    actions = _make_actions(**json.loads(settings))
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        actions[line.strip()]()
        print(time.perf_counter() - began, flush=True)


def _make_actions(network, image_size, batch_size):
    get_model = importlib.import_module("models.get_model").get_model
    if network == "conv4":
        network = "conv4_64"  # the number of channels
    images = torch.randn(batch_size, 3, image_size, image_size)
    labels = torch.randint(_CLASSES, (batch_size,))

    def make(perturbed):
        model = get_model(network, _CLASSES, image_size, perturbed)
        theta = [p for n, p in model.named_parameters() if "perturb" not in n]
        return model, _adam(theta)

    plain, perturbed, task = make(False), make(True), make(True)
    phi = [p for n, p in task[0].named_parameters() if "perturb" in n]
    phi_optimizer = _adam(phi)

    def train(model, optimizer):
        model.train()
        loss = _loss(model, images, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def meta_train():
        model, optimizer = task
        train(model, optimizer)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        loss = _loss(model, images, labels)
        phi_optimizer.zero_grad()
        loss.backward()
        phi_optimizer.step()
        return loss.item()

    return {
        "plain": lambda: train(*plain),
        "perturbed": lambda: train(*perturbed),
        "meta": meta_train,
    }


def _adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3, weight_decay=5e-4)


def _loss(model, images, labels):
    logits, _ = model(images, clipval=_CLIP)
    return torch.nn.functional.cross_entropy(logits, labels)
