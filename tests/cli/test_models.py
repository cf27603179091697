"""`caveat models`: weights taken from disk, listed by what identifies them."""


def test_a_model_from_disk(run, home, tmp_path):
    file = tmp_path / "small.gguf"
    file.write_bytes(b"not a model")
    told = run("models", "pull", "--from", file, "--home", home)
    assert (told.code, told.out) == (2, "")
    assert run("models", "pull", "--from", tmp_path / "none.gguf", "--home", home).code == 2
    assert run("models", "list", "--home", home, "--json").json == {"models": []}
    assert "identity" in run("models", "list", "--home", home).out
