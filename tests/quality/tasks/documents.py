"""Made documents with known sentences; words are tokens."""

from posembed.quality.documents.document import Document, Section

KNOWN = {}


def encode(text):
    """One token for each word, whatever its case and signs."""
    return [KNOWN.setdefault(word.strip(".,").casefold(), len(KNOWN)) for word in text.split()]


def words(ids):
    names = list(KNOWN)
    return " ".join(names[each] for each in ids)


def sentence(document, section, number):
    return f"Sentence number{number} of{section} in{document} tells about things that nobody else{section} tells."


def document(number, sections=10, title="A page on {}"):
    """Ten sections of 4 sentences of 11 words, with a heading of 2 words each but the first: 458 tokens."""
    parts = [
        Section(f"Heading{k} d{number}" if k else "", " ".join(sentence(number, k, n) for n in range(4)), bool(k))
        for k in range(sections)
    ]
    return Document(title.format(f"topic{number}"), tuple(parts))
