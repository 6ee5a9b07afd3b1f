"""What a content set may refer to, and texts in which every placeholder is known."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from flows import audio
from flows.catalogs import Catalog
from flows.conditions import Complain
from flows.schema import Variable
from flows.source import Path, Source
from flows.templates import BadPlaceholder, Template, compile_text
from flows.text import Phrasebook


@dataclass(frozen=True, slots=True)
class Names:
    """What may be referred to. Names of broken parts are known too, so that one mistake is not told twice."""

    variables: Mapping[str, Variable]
    flows: frozenset[str]
    fixed: Mapping[str, str]  # "line.police" -> "113"
    consents: Mapping[str, str] = field(default_factory=dict)  # purpose -> how staff read it
    catalogs: Mapping[str, Catalog] = field(default_factory=dict)  # by language
    yes_no: Phrasebook[bool] | None = None  # answers that mean yes or no, in any language
    broken_variables: frozenset[str] = frozenset()
    broken_lines: frozenset[str] = frozenset()
    lines_known: bool = True
    variables_known: bool = True  # False: set.yaml could not be read at all, so no variable is complained about

    def may_have(self, variable: str) -> bool:
        """Is the variable declared, as far as can be told? (What is told about set.yaml is not told again.)"""
        return not self.variables_known or variable in self.variables or variable in self.broken_variables


def complainer(source: Source, under: Path) -> Complain:
    """A `complain` that puts findings into a file, below a path."""

    def complain(path: Path, code: str, message: str, message_en: str) -> None:
        source.add(under + path, code, message, message_en)

    return complain


def text_with(
    text: str,
    names: Names,
    complain: Complain,
    path: Path,
    allowed: Container[str],
    context: str = "",
    labels: Sequence[str] = (),
) -> Template:
    """Cut a text at its placeholders; only lines and the `allowed` ones may stand there.

    With a `context` its translations come along, and the name of its recordings; `labels` are read out behind it.
    """
    template = _cut(text, names, complain, path, allowed)
    if not context:
        return template
    translations = translated(text, names, context)
    spoken = "" if template.names else audio.name_of(context, text, labels)
    return Template(template.parts, translations, spoken)


def _cut(text: str, names: Names, complain: Complain, path: Path, allowed: Container[str]) -> Template:
    try:
        template = compile_text(text, names.fixed)
    except BadPlaceholder:
        message = "dấu ngoặc nhọn chỉ dùng cho {tên_biến} hoặc {line.tên}; muốn viết dấu ngoặc thì gõ {{"
        complain(path, "bad-placeholder", message, "braces hold {variable} or {line.id} only; write {{ for a brace")
        return Template((text,))
    for name in template.names:
        if name.startswith("line."):
            if names.lines_known and name.removeprefix("line.") not in names.broken_lines:
                complain(path, "unknown-line", f"không có số “{name}” trong lines.yaml", f"no '{name}' in lines.yaml")
        elif name not in allowed:
            message = f"“{{{name}}}” không dùng được ở câu này"
            complain(path, "bad-placeholder", message, f"'{{{name}}}' cannot be used in this text")
    return template


def translated(text: str, names: Names, context: str) -> dict[str, Template]:
    """The translations of a text, by language; one that lost or gained a placeholder is a mistake of its PO file."""
    found: dict[str, Template] = {}
    for language, catalog in names.catalogs.items():
        written = catalog.text(context, text)
        if written is None:
            continue
        try:
            same = sorted(compile_text(written, {}).names) == sorted(compile_text(text, {}).names)
        except BadPlaceholder:
            same = False
        if same:
            found[language] = compile_text(written, names.fixed)
        else:
            message = "bản dịch phải có đúng những phần trong ngoặc nhọn như câu gốc"
            message_en = "the translation must keep the placeholders in braces of its source, no more and no fewer"
            catalog.source.add((context, text), "placeholders-differ", message, message_en)
    return found
