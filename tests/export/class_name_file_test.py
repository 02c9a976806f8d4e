"""Class names as lines of a file in a SavedModel's folder."""

import pytest

from mp_keras.export import class_name_file

NAMES = ["cat", "", "Σ dog", " 3 ", "tab\tbed"]


class CheckNamesTest:
    def test_returns_a_list(self):
        assert class_name_file.check_names(tuple(NAMES), 5) == NAMES

    @pytest.mark.parametrize(
        "name",
        ["a\nb", "a\r", "\n", "a\x0bb", "a\u2028b", "a\x85", "\udce9", 3],
    )
    def test_name_that_is_no_line_of_text(self, name):
        with pytest.raises(ValueError, match="one line(.|\n)*name of class 1"):
            class_name_file.check_names(["cat", name], 2)

    @pytest.mark.parametrize("names", [[], ["cat"], ["cat", "dog", "cow"]])
    def test_another_number_of_names(self, names):
        message = f"must hold 2 names, .* Received: {len(names)}$"
        with pytest.raises(ValueError, match=message):
            class_name_file.check_names(names, 2)

    def test_one_str_is_no_sequence_of_names(self):
        with pytest.raises(ValueError, match="class_names='ab'"):
            class_name_file.check_names("ab", 2)


class ReadNamesTest:
    def test_reads_what_was_written(self, tmp_path):
        class_name_file.write_names(tmp_path, NAMES)
        assert class_name_file.read_names(tmp_path) == tuple(NAMES)
        file = tmp_path / "assets" / "class_names.txt"
        assert file.read_bytes() == ("\n".join(NAMES) + "\n").encode("utf-8")

    def test_folder_without_names(self, tmp_path):
        assert class_name_file.read_names(tmp_path) is None

    def test_damaged_file_is_named(self, tmp_path):
        class_name_file.write_names(tmp_path, NAMES)
        (tmp_path / "assets" / "class_names.txt").write_bytes(b"cat\n\xff\n")
        with pytest.raises(ValueError, match="class_names.txt must be UTF-8"):
            class_name_file.read_names(tmp_path)

    def test_asset_of_the_model_is_not_overwritten(self, tmp_path):
        class_name_file.write_names(tmp_path, NAMES)
        with pytest.raises(FileExistsError, match="class_names.txt"):
            class_name_file.write_names(tmp_path, ["bird"])
