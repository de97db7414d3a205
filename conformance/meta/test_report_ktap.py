# SPDX-License-Identifier: BSD-3-Clause
"""The KTAP reader of these tests is no rubber stamp."""

import pytest

from meta import ktap_reader

GOOD = """KTAP version 1
1..2
  KTAP version 1
  1..2
    KTAP version 1
    1..2
    not ok 1 test_1
    # what happened
    ok 2 test_2 # rcode=0
  not ok 1 test_3
  ok 2 test_4 # SKIP no such thing
not ok 1 example_1
ok 2 example_2
"""


def test_a_nested_document_is_read():
    """Shape, directives, data and diagnostics."""
    tests, unknown = ktap_reader.read(GOOD)

    assert [test.description for test in tests] == ["example_1", "example_2"]
    inner = tests[0].children[0].children
    assert (inner[1].data, inner[1].diagnostics, inner[0].ok) == ("rcode=0", ["what happened"], False)
    assert (tests[0].children[1].directive, tests[0].children[1].data) == ("SKIP", "no such thing")
    assert not unknown


@pytest.mark.parametrize("old, new, complaint", [
    ("not ok 1 example_1", "ok 1 example_1", "parent is ok"),
    ("ok 2 example_2", "ok 3 example_2", "number 3 after 1"),
    ("1..2\n  KTAP", "1..3\n  KTAP", "planned 3, found 2"),
    ("    1..2", "    1..4", "planned 4, found 2"),
    ("KTAP version 1\n1..2", "1..2", "no version line"),
    ("not ok 1 example_1\nok 2 example_2\n", "", "ends inside 1 nested"),
    ("ok 2 example_2\n", "ok 2 example_2", "torn"),
    ("ok 2 example_2", "ok 2 example_2 # ERROR x", "ERROR on ok"),
], ids=range(8))
def test_a_broken_document_is_refused(old, new, complaint):
    """Each rule by itself."""
    assert old in GOOD
    with pytest.raises(ktap_reader.BadKtap, match=complaint):
        ktap_reader.read(GOOD.replace(old, new, 1))


def test_unknown_lines_are_set_apart():
    """A kernel may print anywhere."""
    tests, unknown = ktap_reader.read(GOOD.replace("ok 2 ex", "[   1.0] hello\nok 2 ex"))

    assert len(tests) == 2 and unknown == ["[   1.0] hello"]
