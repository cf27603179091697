"""The build's digest: over every file of the package, and what decides and reads for it."""

from caveat.gateway.home.build import WITH, digest_files, this_build


def test_a_file_more_or_a_byte_changed_is_another_build(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "terms.yaml").write_text("id: a\n")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"compiled")
    first = digest_files(tmp_path)
    assert set(first) == {"a.py", "data/terms.yaml"}
    (tmp_path / "a.py").write_text("x = 2\n")
    assert digest_files(tmp_path) != first


def test_this_build_names_what_it_stands_on():
    build = this_build()
    assert build.digest.startswith("sha256:")
    assert build.files > 100
    assert set(build.packages) == set(WITH)
    assert build == this_build()
