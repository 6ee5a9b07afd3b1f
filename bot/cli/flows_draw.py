"""`flows draw` and `flows schema`: to see a flow, and to be helped while writing one."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.flows_reading import (
    FOUND,
    SHIPPED,
    Format,
    Language,
    LanguageOption,
    MakeHost,
    all_findings,
    print_findings,
    read_files,
    refuse,
)
from flows.drawing import Marks, marks_of, mermaid
from flows.drawing_svg import svg
from flows.editing import schemas
from flows.rehearsal import run
from flows.transcripts import coverage, scripts


class Picture(StrEnum):
    """What a drawing is written as."""

    MERMAID = "mermaid"
    SVG = "svg"


FlowArgument = Annotated[str | None, typer.Argument(metavar="[FLOW]", help="One flow (default: the whole set).")]
PictureOption = Annotated[Picture, typer.Option("--format", help="mermaid: text for a page; svg: an image.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="File to write (default: to the terminal).")]
FolderOption = Annotated[
    Path, typer.Option("--content", help="Folder of the content set.", show_default="the shipped one")
]


def add_drawing(app: typer.Typer, make_host: MakeHost) -> None:
    """Register the commands."""

    @app.command()
    def draw(
        flow: FlowArgument = None,
        form: PictureOption = Picture.MERMAID,
        out: OutOption = None,
        covered: Annotated[
            bool, typer.Option("--coverage", help="Also mark what is found, and what no transcript passes.")
        ] = False,
        content: FolderOption = SHIPPED,
        lang: LanguageOption = Language.VI,
    ) -> None:
        """Draw one flow or the whole set. Exit: 0 drawn, 1 the set cannot be loaded, 2 no such flow or folder."""
        files = read_files(content)
        library, host, findings = all_findings(make_host, files)
        if library is None:
            print_findings(findings, Format.TEXT, lang, None)
            raise typer.Exit(FOUND)
        if flow is not None and flow not in library.flows:
            refuse(f"no flow {flow}; there are: {', '.join(library.flows)}")
        marks = Marks()
        if covered:
            found = scripts(files)[0] if host is not None else []
            visited = set().union(*(run(library, script, host).visited for script in found if host is not None))
            marks = marks_of(library, findings, coverage(library, visited))
        drawing = (svg if form is Picture.SVG else mermaid)(
            library, [flow] if flow else list(library.flows), marks, lang
        )
        if out is None:
            typer.echo(drawing, nl=False)
            return
        _write(out, drawing)
        typer.echo(f"drawing: written to {out}")

    app.command("schema")(schema)


def schema(out: OutOption = None) -> None:
    """The JSON Schemas of what one writes, for an editor that completes and underlines; into the folder --out, else printed."""
    made = schemas()
    if out is None:
        typer.echo(json.dumps(made, ensure_ascii=False, indent=2))
        return
    for name, tree in made.items():
        _write(out / name, json.dumps(tree, ensure_ascii=False, indent=2) + "\n")
    typer.echo(f"schemas: {len(made)} written to {out}; docs/publishing.md says how to switch them on in VS Code")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        refuse(f"cannot write {path} ({error.strerror}); choose another place")
