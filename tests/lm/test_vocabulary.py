import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.lm.vocabulary import UnknownCharactersError, Vocabulary, VocabularyError

ASCII = Vocabulary(["\n", *map(chr, range(32, 127))])
vocabularies = st.text(min_size=1, max_size=80).map(lambda text: Vocabulary(dict.fromkeys(text)))


def test_ids_are_places():
    vocabulary = Vocabulary("cab")
    assert vocabulary.encode("abc") == [1, 2, 0]
    assert vocabulary.decode([0, 0, 2]) == "ccb"
    assert len(vocabulary) == 3
    assert "a" in vocabulary
    assert "d" not in vocabulary


def test_the_vocabulary_of_a_text_is_sorted_by_code_point():
    assert Vocabulary.of("banana\nÉ😀").characters == ("\n", "a", "b", "n", "É", "😀")


@pytest.mark.parametrize(
    ("characters", "reason"),
    [
        ([], "at least one"),
        (["a", "bc"], "one character"),
        (["a", ""], "one character"),
        (["a", 1], "one character"),
        (["a", "b", "a"], "twice"),
    ],
)
def test_a_list_that_is_no_vocabulary_is_refused(characters, reason):
    with pytest.raises(VocabularyError, match=reason):
        Vocabulary(characters)


def test_unknown_characters_are_named_once_each_in_order_of_appearance():
    with pytest.raises(UnknownCharactersError) as caught:
        Vocabulary("ab").encode("a😀bé😀a")
    assert caught.value.characters == ["😀", "é"]
    assert str(caught.value) == "Unknown characters: ['😀', 'é']"
    assert Vocabulary("ab").unknown("a😀bé😀a") == ["😀", "é"]


def test_there_is_no_token_outside_the_vocabulary():
    with pytest.raises(IndexError):
        Vocabulary("ab").decode([2])


@given(vocabularies, st.data())
def test_decode_undoes_encode(vocabulary, data):
    text = data.draw(st.text(st.sampled_from(vocabulary.characters)))
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert all(0 <= id < len(vocabulary) for id in ids)
    assert vocabulary.unknown(text) == []
    assert vocabulary.replace_unknown(text) == text


@pytest.mark.parametrize(
    ("character", "substitute"),
    [
        ("é", "e"), ("Å", "A"), ("ñ", "n"), ("ﬁ", "fi"), ("½", "1/2"),
        ("“", '"'), ("’", "'"), ("«", '"'), ("\t", " "), ("\u00a0", " "),
        ("—", "--"), ("…", "..."), ("æ", "ae"), ("ß", "ss"), ("Ａ", "A"), ("²", "2"),
        ("😀", ""), ("ש", ""), ("\u202e", ""), ("x", "x"),
    ],
)  # fmt: skip
def test_the_nearest_text_in_ascii(character, substitute):
    assert ASCII.substitute(character) == substitute


def test_a_smaller_vocabulary_takes_what_is_next_nearest():
    shouting = Vocabulary("ABCDE '.")
    assert shouting.substitute("é") == "E"
    assert shouting.substitute("“") == "'"
    assert shouting.substitute("😀") == ""
    assert shouting.replace_unknown("“Décà”…😀") == "'DECA'..."


def test_a_text_is_adapted_before_anything_is_replaced():
    assert ASCII.replace_unknown("\ufeffthe\r\ncafe\u0301\u2029") == "the\ncafe\n"
    assert Vocabulary("schön").replace_unknown("scho\u0308n") == "schön"
    assert Vocabulary("scho\u0308n").replace_unknown("schön") == "scho\u0308n"


def test_substitutes_come_in_order_of_appearance():
    assert list(ASCII.substitutes("é9😀“1é").items()) == [("é", "e"), ("😀", ""), ("“", '"')]


@given(vocabularies, st.characters())
def test_a_substitute_is_always_known_or_nothing(vocabulary, character):
    substitute = vocabulary.substitute(character)
    assert vocabulary.unknown(substitute) == []
    if character in vocabulary:
        assert substitute == character


@given(vocabularies, st.text())
def test_after_replacing_nothing_is_unknown(vocabulary, text):
    assert vocabulary.unknown(vocabulary.replace_unknown(text)) == []
