import pytest

from ml_model.texts import decode, decode_lines, plain, plain_number


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_decoded_by_its_mark(codec):
    content = "é\r\n€".encode(codec)
    text, bom, found = decode(content)
    assert text == "é\r\n€"
    assert bom + text.encode(found) == content


@pytest.mark.parametrize("end", ["\x1a", "\x1a\x1a", "\x1a\r\n", "\x1a \n"])
def test_the_mark_of_the_end_is_left_out(end):
    assert decode(f"a\n{end}".encode())[0] == "a\n"
    assert decode(b"a\x1ab")[0] == "a\x1ab"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a\nb\n\xff", "line 3: byte 4 is not UTF-8"),
        ("Größe".encode("cp1252"), "line 1: byte 2 is not UTF-8"),
        ("ab".encode("utf-16-le"), "UTF-16 without a byte-order mark"),
        (b"\xff\xfea", "line 1: byte 2 is not UTF-16-LE"),
    ],
)
def test_what_is_no_text(content, problem):
    with pytest.raises(ValueError, match=problem):
        decode(content)


def test_lines_end_with_a_line_feed():
    assert decode_lines(b"a\r\nb\rc\nd") == "a\nb\nc\nd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" a b ", "a b"),
        ("\u00a0a\u00a0b\u202f", "a b"),
        ("\u200ba\u2060b\ufeff", "ab"),
        ("u\u0308", "ü"),
        ("\u212b", "Å"),
        ("\u200b", ""),
        ("ﬁ", "ﬁ"),
    ],
)
def test_plain_text(text, expected):
    assert plain(text) == expected
    assert plain(plain(text)) == expected


def test_long_text_is_left_as_it_is():
    endless = "a" + "\u0323\u0307" * 500_000
    assert plain(f" {endless} ") == endless


@pytest.mark.parametrize("minus", "−‐‑‒–﹣－-")
def test_minus_signs(minus):
    assert plain_number(f"\u00a0{minus}5") == "-5"
