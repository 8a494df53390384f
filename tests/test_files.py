import pytest

from playground.files import atomic_path, write_bytes, write_text


def test_a_file_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "new" / "file.txt"
    write_text(target, "first\r\n\u00e9")
    assert target.read_bytes() == "first\r\n\u00e9".encode()
    write_bytes(target, b"second")
    assert target.read_bytes() == b"second"
    assert list(target.parent.iterdir()) == [target]


def test_a_failed_write_leaves_the_old_file_and_no_partial_one(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "old")

    def fail_halfway():
        with atomic_path(target) as partial:
            partial.write_text("half")
            assert partial.parent == target.parent
            assert target.read_text() == "old"
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail_halfway()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_writers_of_one_file_do_not_share_a_partial_one(tmp_path):
    target = tmp_path / "file.txt"
    with atomic_path(target) as first, atomic_path(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"


def test_a_target_that_cannot_be_written_raises_oserror(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        write_bytes(tmp_path / "file" / "inside", b"x")
