from tests.evidence.conftest import check


def test_x(book):
    r = check(book.bundle())
    print("\n".join(r.sentences()))
    assert r.verified
