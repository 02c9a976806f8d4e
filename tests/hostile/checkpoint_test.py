"""Checkpoints of a run, damaged, and lists that lead elsewhere."""

import pytest

from tests.hostile import payloads


def pointer(*names):
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    return "\n".join(lines).encode()


class CheckpointsTest:
    @pytest.fixture(autouse=True)
    def _good(self, prepare):
        prepare("checkpoints")

    def test_damaged_files(self, read_damaged, seed, times):
        counts = read_damaged("checkpoint", "checkpoint", seed, times)
        assert counts["refused"] > counts["other"]

    def test_list_that_leads_elsewhere(self, good, refuse):
        other = good / "checkpoints" / "ckpt-10"
        found = refuse(
            "checkpoint",
            "checkpoints/checkpoint",
            {
                "absolute": pointer(other),
                "above": pointer("../checkpoints/ckpt-10"),
                "home": pointer("~/ckpt-10"),
                "another name": pointer("ckpt-5", "ckpt-10.index"),
                "older above": pointer("../ckpt-1", "ckpt-10"),
                "no step": pointer("ckpt-x"),
                "empty": b"",
                "binary": b"\xff\xfe\0",
            },
        )
        assert all("ckpt-STEP" in message for message in found.values())

    def test_every_flipped_bit_of_the_numbers_is_found(self, good, refuse):
        name = "checkpoints/ckpt-10.data-00000-of-00001"
        content = (good / name).read_bytes()
        refuse("checkpoint", name, payloads.flip_each(content, 60))
