"""A tree of images looks the same here and in a store."""

import fsspec
import pytest

from pipeline.datasets.sources.folder_source import list_folder
from pipeline.listing.folder_tree import FolderTree
from pipeline.storage import artifact_store

_FILES = (
    "cat/b.png",
    "cat/a.JPG",
    "cat/deep/c.png",
    "cat/.hidden/d.png",
    "cat/notes.txt",
    "cat-2/x.png",
    "cat-2/y.png",
    "cat-2/.z.png",
    ".git/e.png",
)


@pytest.fixture
def local(tmp_path):
    for name in _FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def stored(local):
    uri = "memory://folder_tree_test/animals"
    artifact_store.upload(local, uri)
    return uri


class FolderTreeTest:
    def test_lists_what_is_there(self, local):
        tree = FolderTree(local)
        assert tree.folders() == ["cat", "cat-2"]
        assert tree.folders("none") == []
        assert tree.images_and_others("cat")[0] == [
            local / name
            for name in ("cat/a.JPG", "cat/b.png", "cat/deep/c.png")
        ]

    def test_store_lists_the_same(self, local, stored):
        here, there = FolderTree(local), FolderTree(stored + "/")
        assert there.folders() == here.folders()
        assert there.folders("cat") == here.folders("cat") == ["deep"]
        for name in ("cat", "cat-2"):
            assert there.images_and_others(name)[0] == [
                f"{stored}/{file.relative_to(local)}"
                for file in here.images_and_others(name)[0]
            ]

    def test_links_to_folders_of_classes_are_followed(self, local, tmp_path):
        (local / "link").symlink_to(local / "cat-2")
        assert len(FolderTree(local).images_and_others("link")[0]) == 2

    @pytest.mark.parametrize("place", ["{}/none", "memory://tree/none"])
    def test_no_such_folder(self, tmp_path, place):
        with pytest.raises(FileNotFoundError, match="none must name a folder"):
            FolderTree(place.format(tmp_path))

    def test_store_that_cannot_be_reached(self):
        with pytest.raises(ConnectionError, match="nowhere://x"):
            FolderTree("nowhere://x")


class ListFolderTest:
    def test_store_is_cut_as_a_local_folder(self, local, stored):
        names, *here = list_folder(local, 0.5, 3)
        stored_names, *there = list_folder(stored, 0.5, 3)
        assert stored_names == names
        for (files, labels), (uris, stored_labels) in zip(here, there):
            assert stored_labels.tolist() == labels.tolist()
            assert uris == [f"{stored}/{f.relative_to(local)}" for f in files]

    def test_class_without_images_is_named(self):
        system = fsspec.filesystem("memory")
        system.pipe("/folder_tree_test/bad/cat/a.png", b"")
        system.pipe("/folder_tree_test/bad/dog/notes.txt", b"")
        with pytest.raises(ValueError, match="bad/dog must hold at least one"):
            list_folder("memory://folder_tree_test/bad", 0.5, 0)

    def test_links_inside_classes_are_followed_and_circles_end(
        self, local, tmp_path_factory
    ):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        (elsewhere / "far.png").touch()
        (local / "cat" / "link").symlink_to(elsewhere)
        (local / "cat" / "circle").symlink_to(local / "cat")
        images, _ = FolderTree(local).images_and_others("cat")
        assert [image.name for image in images] == [
            "a.JPG",
            "b.png",
            "c.png",
            "far.png",
        ]

    @pytest.mark.parametrize(
        "leftover", ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found"]
    )
    @pytest.mark.parametrize("uri", [False, True])
    def test_leftovers_are_no_classes_and_no_images(self, local, leftover, uri):
        for folder in (local / leftover / "cat", local / "cat" / leftover):
            folder.mkdir(parents=True)
            (folder / "thumb.jpg").touch()
        (local / "loose.png").touch()
        place = local
        if uri:
            place = f"memory://folder_tree_test/{leftover.strip('$@')}"
            artifact_store.upload(local, place)
        tree = FolderTree(place)
        assert tree.folders() == ["cat", "cat-2"]
        images, others = tree.images_and_others("cat")
        assert len(images) == 3
        assert others == {".txt": 1, f"in {leftover}": 1, "in .hidden": 1}
        left_out = tree.left_out()
        assert left_out == {
            f"folder {leftover}": 1,
            "folder .git": 1,
            "file": 1,
        }
