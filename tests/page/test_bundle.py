"""The browser's modules as one file; that browsers parse it, test_modules.py tells."""

import graphlib
import re
import shutil
import subprocess

import pytest

from playground.page.bundle import (
    ENTRY_POINTS,
    FRONTEND,
    UnsupportedSyntax,
    bundle_code,
    frontend_bundle,
)

PARTS = {
    "main.js": """
import { count, Counter as C } from "./deep/counter.js";
import * as words from "./deep/words.js";
const own = 1;
export function start() { return [new C(count()).n, words.hello, own, words.place].join(" "); }
""",
    "deep/counter.js": """
import { hello } from "./words.js";
const own = 41;
/** export const in_a_comment = 1; import nothing from "here"; */
export const count = () => own + 1;
export class Counter { constructor(n) { this.n = n + hello.length; } }
""",
    "deep/words.js": """
export const hello = "hello";
export const place = new URL("../data.json", import.meta.url).href;
export async function later() {}
""",
}


@pytest.fixture
def bundled(tmp_path):
    """`bundled(**replaced)`: the bundle of PARTS, with other texts of some."""

    def make(replaced=None):
        for name, text in (PARTS | (replaced or {})).items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return bundle_code(tmp_path, {"main.js": "start"})

    return make


def test_modules_import_from_each_other_and_keep_names_of_their_own(bundled, tmp_path):
    if shutil.which("node") is None:
        pytest.skip("no Node on this machine: the bundle is not run")
    (tmp_path / "all.mjs").write_text(bundled())
    run = 'import("./all.mjs").then((m) => console.log(Object.keys(m).join(), m.start()))'
    done = subprocess.run(
        ["node", "-e", run], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"start 47 hello 1 {(tmp_path / 'data.json').as_uri()}\n"


def test_comments_of_whole_lines_are_left_out_and_nothing_else(bundled):
    lines = [
        "const a = 2; // kept",
        "/** gone */",
        "  // gone",
        'const b = "// kept";',
        "/* gone",
        " * gone */",
    ]
    code = bundled({"deep/words.js": PARTS["deep/words.js"] + "\n".join(lines) + "\n"})
    assert "gone" not in code
    assert 'const a = 2; // kept\nconst b = "// kept";\n' in code
    assert "in_a_comment" not in code


@pytest.mark.parametrize(
    "statement",
    [
        'import words from "./words.js";',
        'import "./words.js";',
        'import {\n  hello\n} from "./words.js"',
        'import { hello } from "elsewhere";',
        'export { hello } from "./words.js";',
        "export default 1;",
        "export let changing = 1;",
        'const later = () => import("./words.js");',
    ],
)
def test_what_it_can_not_bundle_is_refused(bundled, statement):
    with pytest.raises(UnsupportedSyntax, match=r"^deep/counter\.js: "):
        bundled({"deep/counter.js": statement + "\n"})


def test_modules_that_import_each_other_are_refused(bundled):
    circle = {"deep/words.js": 'import { count } from "./counter.js";\nexport const hello = "";\n'}
    with pytest.raises(graphlib.CycleError):
        bundled(circle)


def test_a_module_that_is_missing_is_an_error(bundled):
    with pytest.raises(FileNotFoundError):
        bundled({"deep/words.js": 'import { a } from "./nowhere.js";\n'})


def test_every_module_of_the_page_is_in_it_once():
    code = frontend_bundle().code
    paths = {path.relative_to(FRONTEND).as_posix() for path in FRONTEND.rglob("*.js")}
    held = re.findall(r'^\$modules\["([^"]+)"\] = ', code, re.M)
    assert sorted(held) == sorted(paths - {"early.js"})
    assert re.findall(r"^export const (\w+) =", code, re.M) == [*ENTRY_POINTS.values()]


def test_its_name_changes_with_its_code(bundled):
    assert re.fullmatch(r"playground-[0-9a-f]{16}\.js", frontend_bundle().name)
    assert bundled() == bundled()
    assert bundled() != bundled({"deep/words.js": PARTS["deep/words.js"] + "const more = 1;\n"})
