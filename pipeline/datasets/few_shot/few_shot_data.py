"""The three parts of a few-shot data set."""

import dataclasses
import hashlib

from pipeline.datasets.few_shot import class_images


@dataclasses.dataclass(frozen=True, eq=False)
class FewShotData:
    """Parts with classes of their own: what is tested was never trained on.

    Attributes:
        train: `ClassImages` for meta-training.
        validation: `ClassImages` for choices.
        test: `ClassImages` for meta-testing.
    """

    train: class_images.ClassImages
    validation: class_images.ClassImages
    test: class_images.ClassImages

    def digest(self):
        """Returns the SHA-256 of the three parts, 64 hex digits."""
        parts = (self.train, self.validation, self.test)
        total = "".join(part.digest() for part in parts)
        return hashlib.sha256(total.encode()).hexdigest()

    def train_and_validation(self):
        """Returns `ClassImages` of both, for a last run after all choices.

        The 4,800 classes that Omniglot's published results are trained on are
        these: that benchmark has no validation part.
        """
        return class_images.merge(self.train, self.validation)


def check_few_shot_data(data, source):
    """Refuses data that cannot be trained and tested on.

    Args:
        data: `FewShotData`.
        source: Str, named in the messages.

    Raises:
        ValueError: As `check_class_images`; or if a part has fewer than 2
            classes, or a class name is in two parts.
    """
    part_of = {}
    for field in dataclasses.fields(data):
        part = getattr(data, field.name)
        class_images.check_class_images(part, f"{field.name} of {source}")
        if part.classes < 2:
            raise ValueError(
                f"{source} must have at least 2 {field.name} classes. "
                f"Received: {part.classes}"
            )
        for name in part.class_names:
            other = part_of.setdefault(name, field.name)
            if other != field.name:
                raise ValueError(
                    f"Each part of {source} must have classes of its own. "
                    f"Received: {name} in {other} and in {field.name}"
                )
