from ml_model.markup import Markup, joined, tag

ATTACK = "\"><script>alert('1')</script>&"


def test_text_and_attributes_are_escaped_wherever_they_enter():
    made = tag("p", ATTACK, tag("b", ATTACK), title=ATTACK, data_name=ATTACK)
    assert "<script" not in made
    assert made.count("&lt;script&gt;") == 4
    assert "'" not in made
    assert made.count('"') == 4


def test_markup_is_not_escaped_twice():
    assert joined(Markup("<b>1</b>"), " < ", tag("i", "&")) == "<b>1</b> &lt; <i>&amp;</i>"
    assert isinstance(joined("a"), Markup)


def test_attributes_and_numbers():
    assert (
        tag("circle", cx=1.239, r=2.0, fill_opacity=0.5, class_="dot")
        == '<circle cx="1.24" r="2" fill-opacity="0.5" class="dot"/>'
    )
    assert tag("meta", name="viewport") == '<meta name="viewport"/>'
    assert tag("td") == "<td></td>"
