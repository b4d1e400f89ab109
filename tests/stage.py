"""Pages to replay: one for each thing that pages do in a browser, all of them in three editions.

`Stage` serves them live and keeps what it answered, so that an archive can be made of exactly what a browser
was given. In every text `@` stands for the edition: 1, 2 or 3. A page calls `done()` when it shows all.
"""

import io
import re
import struct
import threading
import wave
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

HEAD = """<!doctype html><meta charset=utf-8><title>{name}, edition @</title>
<style>
body {{ font: 20px/1.4 monospace; margin: 12px }} iframe {{ border: 0; width: 90%; height: 60px }}
</style>
<script>
function done() {{ document.documentElement.dataset.done = "1"; }}
function say(text) {{
  const line = document.createElement("p"); line.textContent = text; document.body.append(line);
}}
</script><body><h1>{name}: edition @</h1>
"""
# The body of each page. One that has no script of its own is done when it is loaded.
PAGES = {
    "json": """<script>
fetch("comments.json?article=7&_=" + Date.now()).then((r) => r.json())
  .then((said) => say(said.comments + " comments")).then(done);
</script>""",
    "xhr": """<script>
const asked = new XMLHttpRequest();
asked.open("GET", "votes.json?cb=" + String(Math.random()).slice(2));
asked.onload = () => { say(JSON.parse(asked.responseText).votes + " votes"); done(); };
asked.send();
</script>""",
    "srcset": """<img srcset="small.png 1x, large.png 2x" src="none.png"><picture>
<source srcset="wide.png" media="(min-width: 100px)"><img src="narrow.png"></picture>""",
    "css": """<link rel=stylesheet href="first.css"><p class=probe>an import chain</p>
<p class=probe>and a picture</p>""",
    "font": """<style>@font-face { font-family: ours; src: url(face.ttf) } .probe { font: 40px ours }</style>
<span class=probe>mmmm</span>
<script>document.fonts.load("40px ours").then(() => document.fonts.ready).then(done)</script>""",
    "frames": """<iframe id=one src="outer.html"></iframe><script>
window.addEventListener("message", (event) => { say("a frame said: " + event.data); done(); });
</script>""",
    "srcdoc": """<iframe srcdoc="<p>within</p><img src=/srcdoc/in.png>"></iframe><script>
const later = document.createElement("iframe");
later.srcdoc = "<p>set by a script</p><img src='/srcdoc/in.png'>";
document.body.append(later);
</script>""",
    "bare": """<iframe id=one src="/frames/outer.html"></iframe><script>
addEventListener("message", (event) => { say("a frame said: " + event.data); done(); });
</script>""",
    "meta": """<script type=module>say(new URL("x", import.meta.url).pathname); done();</script>""",
    "asset": """<script type=module>
const told = await fetch(new URL("told.json", import.meta.url));
say((await told.json()).told);
const picture = new Image();
picture.src = new URL("../asset/a.png", import.meta.url);
picture.onload = () => { document.body.append(picture); done(); };
</script>""",
    "query": """<script>
const place = "harbour";
fetch("told.json?location=" + place).then((r) => r.json()).then((said) => { say(said.told); done(); });
</script>""",
    "module": """<script type=module>
import { what } from "./part.js";
const more = await import("./more.js");
say(what + " and " + more.what);
done();
</script>""",
    "history": """<script>
history.pushState({}, "", "/history/page/2");
fetch("next.json").then((r) => r.json())
  .then((said) => { say(location.pathname + ": " + said.next); done(); });
</script>""",
    "form": """<form id=form action=result.html target=shown><input name=q value=harbour></form>
<iframe name=shown id=shown></iframe>
<script>document.getElementById("shown").onload = (event) => {
  if (event.target.contentWindow.location.href !== "about:blank") done();
};
window.addEventListener("load", () => document.getElementById("form").submit());</script>""",
    "sound": """<audio id=sound src=tone.wav preload=auto></audio><script>
const sound = document.getElementById("sound");
sound.addEventListener("loadedmetadata", () => {
  say(sound.duration + " seconds");
  sound.currentTime = 0.75;
});
sound.addEventListener("seeked", () => { say("at " + sound.currentTime); done(); });
</script>""",
    "film": """<video id=film src=film.webm preload=auto muted></video><script>
const film = document.getElementById("film");
film.addEventListener("loadedmetadata", () => {
  say(film.videoWidth + " wide, " + film.duration + " seconds");
  film.currentTime = film.duration - 0.5;
}, { once: true });
const look = () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const context = canvas.getContext("2d");
  context.drawImage(film, 0, 0);
  const colour = context.getImageData(4, 4, 1, 1).data;
  if (colour[3] === 0) { requestAnimationFrame(look); return; }  // its picture is not decoded yet
  say("coloured " + colour.join(" ")); done();
};
film.addEventListener("seeked", look, { once: true });
</script>""",
    "range": """<script>
fetch("tone.wav", { headers: { Range: "bytes=0-43" } }).then(async (r) => {
  say(r.status + " " + r.headers.get("content-range") + " " + (await r.arrayBuffer()).byteLength); done();
});
</script>""",
    "redirects": """<img src=/redirects/moved.png><iframe src=/redirects/away></iframe>
<iframe src=refresh.html></iframe>""",
    "charsets": """<iframe src=latin.html></iframe><iframe src=japanese.html></iframe>
<iframe src=cyrillic.html></iframe><iframe src=utf16.html></iframe>""",
    "made": """<div id=made></div><script>
const picture = new Image();
picture.src = "made.png";
picture.onload = () => {
  document.getElementById("made").style.cssText = "width: 60px; height: 30px; background: url('made.png')";
  document.body.append(picture);
  document.body.insertAdjacentHTML("beforeend", "<img src='written.png'>");
  setTimeout(done, 300);
};
</script>""",
    "written": """<script>document.write("<p class=probe>written<\\/p><img src=" + "'w.png'>");</script>""",
    "base": """<base href="/base/elsewhere/"><img src=here.png><script src=said.js></script>""",
    "worker": """<script>
const worker = new Worker("worker.js");
worker.onmessage = (event) => { say("a worker said: " + event.data); done(); };
</script>""",
    "storage": """<script>
localStorage.setItem("seen", "@"); document.cookie = "reader=@; path=/storage/";
say(localStorage.getItem("seen") + " " + /reader=\\d/.test(document.cookie)); done();
</script>""",
    "lazy": """<div style="height: 40px"></div><img loading=lazy src=lazy.png>
<img id=later data-src=later.png><script>
new IntersectionObserver((seen, all) => {
  if (!seen.some((each) => each.isIntersecting)) return;
  all.disconnect();
  const late = document.getElementById("later"); late.onload = done; late.src = late.dataset.src;
}).observe(document.getElementById("later"));
</script>""",
    "svg": """<svg width=120 height=40><use href="shapes.svg#box"></use></svg>
<img src=shapes.svg width=60 height=40>""",
    "address": """<script>say(location.href); say(document.URL); say(document.baseURI);
const link = document.createElement("a"); link.href = "x?y#z"; say(link.href + " " + link.pathname);
say(new URL("up", location).href); done();</script>""",
    "jsonp": """<script>
const name = "jsonp_" + Math.floor(1e9 * Math.random());
window[name] = (said) => { say(said.weather + " degrees"); done(); };
document.body.append(Object.assign(document.createElement("script"), { src: "weather.js?callback=" + name }));
</script>""",
    "words": """<p id=words></p><script>
document.getElementById("words").textContent = "the location = here, top = there, window.location = nowhere";
done();
</script>""",
    "post": """<form id=form action=result.html method=post target=shown><input name=q value=harbour></form>
<iframe name=shown id=shown></iframe>
<script>document.getElementById("shown").onload = (event) => {
  if (event.target.contentWindow.location.href !== "about:blank") done();
};
window.addEventListener("load", () => document.getElementById("form").submit());</script>""",
    "sent": """<script>
const headers = { "Content-Type": "application/json" };
fetch("answer.json", { method: "POST", body: JSON.stringify({ page: 2 }), headers })
  .then((r) => r.json()).then((said) => { say(said.answer); done(); });
</script>""",
}  # fmt: skip
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40">'
    '<rect id="box" width="@0" height="30" fill="teal"/></svg>'
)
HTML, CSS, JS, JSON = "text/html; charset=utf-8", "text/css", "text/javascript", "application/json"
PARTS: dict[str, tuple[str, str]] = {
    "/json/comments.json": (JSON, '{"comments": @0}'),
    "/xhr/votes.json": (JSON, '{"votes": @00}'),
    "/css/first.css": (CSS, '@import "deep/second.css"; .probe { border: 2px solid }'),
    "/css/deep/second.css": (CSS, '@import url("third.css"); .probe { margin-left: @0px }'),
    "/css/deep/third.css": (
        CSS, ".probe { color: rgb(@0, @, 200); background: url(../back.png) no-repeat right }",
    ),
    "/frames/outer.html": (HTML, "<p>outer @</p><iframe src=inner.html></iframe>"),
    "/frames/inner.html": (HTML, '<p>inner @</p><script>top.postMessage("inner @", "*")</script>'),
    "/asset/told.json": (JSON, '{"told": "asset @"}'),
    "/query/told.json": (JSON, '{"told": "harbour of edition @"}'),
    "/module/part.js": (JS, 'export { what } from "./base.js";'),
    "/module/base.js": (JS, 'export const what = "part @";'),
    "/module/more.js": (JS, 'export const what = "more @";'),
    "/history/page/next.json": (JSON, '{"next": "page 3 of edition @"}'),
    "/form/result.html": (HTML, "<p>found @0 stories</p>"),
    "/redirects/there.html": (HTML, "<p>arrived @</p>"),
    "/redirects/refresh.html": (HTML, '<meta http-equiv=refresh content="0; url=fresh.html"><p>old</p>'),
    "/redirects/fresh.html": (HTML, "<p>fresh @</p>"),
    "/base/elsewhere/said.js": (JS, 'say("based @");'),
    "/worker/worker.js": (
        JS, 'fetch("told.json").then((r) => r.json()).then((said) => postMessage(said.told));',
    ),
    "/worker/told.json": (JSON, '{"told": "edition @"}'),
    "/jsonp/weather.js": (JS, '{callback}({"weather": 1@});'),
    "/post/result.html": (HTML, "<p>posted, and found @0 stories</p>"),
    "/sent/answer.json": (JSON, '{"answer": "page 2 of edition @"}'),
    "/svg/shapes.svg": (
        "image/svg+xml",
        SVG,
    ),
}  # fmt: skip
ENCODED = {
    "/charsets/latin.html": ("text/html; charset=iso-8859-1", "<p>café @ übrig</p>", "latin-1"),
    "/charsets/japanese.html": ("text/html", "<meta charset=shift_jis><p>港の橋 @</p>", "shift_jis"),
    "/charsets/cyrillic.html": ("text/html; charset=windows-1251", "<p>Мост @ открыт</p>", "cp1251"),
    "/charsets/utf16.html": ("text/html", "<p>橋 @ é</p>", "utf-16"),
}  # fmt: skip
MOVED = {"/redirects/moved.png": "/redirects/target.png", "/redirects/away": "/redirects/there.html"}


@dataclass(frozen=True, kw_only=True)
class Given:
    """One answer to a browser: the address with its query, the request's method and body, the answer."""

    method: str
    path: str
    sent: bytes
    sent_kind: str
    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def picture(edition: int) -> bytes:
    """A PNG that is ten pixels wide for each edition, in a colour of its own."""
    width, height = 10 * edition, 20
    row = b"\0" + bytes((60 * edition, 40, 250 - 60 * edition)) * width
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height)),
    )
    framed = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (*chunks, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + framed


def tone(edition: int) -> bytes:
    """As many seconds of silence as the edition's number."""
    made = io.BytesIO()
    with wave.open(made, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(8000)
        out.writeframes(b"\x80" * 8000 * edition)
    return made.getvalue()


def film(edition: int) -> bytes:
    """A film of one colour, 40 pixels wide for each edition and a second longer than its number (VP8).

    Made by ffmpeg: -f lavfi -i color=c=red:s=40x32:r=4:d=2 -c:v libvpx -g 4 -b:v 20k -fflags +bitexact
    """
    return (Path(__file__).parent / "films" / f"edition-{edition}.webm").read_bytes()


def face(edition: int) -> bytes:
    """A TrueType font whose "m" is a block, the wider the later the edition."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen, wide = TTGlyphPen(None), 300 * edition
    pen.moveTo((0, 0))
    for point in ((0, 600), (wide - 100, 600), (wide - 100, 0)):
        pen.lineTo(point)
    pen.closePath()
    empty = TTGlyphPen(None).glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "m"])
    font.setupCharacterMap({ord("m"): "m"})
    font.setupGlyf({".notdef": empty, "m": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (500, 0), "m": (wide, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "ours", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    font.setupPost()
    made = io.BytesIO()
    font.save(made)
    return made.getvalue()


def answer(path: str, query: str, edition: int) -> tuple[str, bytes] | None:
    """Type and body of a document; None where there is none."""
    found = re.fullmatch(r"/(\w+)/", path)
    if found and found[1] in PAGES:
        body = PAGES[found[1]]
        waits = "done()" in body or "then(done)" in body or "done," in body or "= done" in body
        end = "" if waits else '<script>addEventListener("load", () => setTimeout(done, 300))</script>'
        return HTML, (HEAD.format(name=found[1]) + body + end).replace("@", str(edition)).encode()
    if path in ENCODED:
        kind, text, charset = ENCODED[path]
        return kind, text.replace("@", str(edition)).encode(charset)
    for end, kind, make in (
        (".png", "image/png", picture),
        (".wav", "audio/wav", tone),
        (".webm", "video/webm", film),
        (".ttf", "font/ttf", face),
    ):
        if path.endswith(end):
            return kind, make(edition)
    if path not in PARTS:
        return None
    kind, text = PARTS[path]
    back = re.search(r"callback=(\w+)", query)
    # An at-rule keeps its sign.
    text = re.sub(r"@(?!import)", str(edition), text).replace("{callback}", back[1] if back else "")
    return kind, text.encode()


@dataclass
class Stage:
    """The pages on a port of the loopback: `edition` is what it plays, `given` what it has answered."""

    edition: int = 1
    given: list[Given] = field(default_factory=list)

    def __enter__(self) -> "Stage":
        stage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stage.play(self)

            do_POST = do_GET  # noqa: N815 - the name that http.server asks for

            def log_message(self, *_: object) -> None:
                """Say nothing: `given` keeps the record."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def play(self, asked: BaseHTTPRequestHandler) -> None:
        """Answer one request, whole or the range that was asked for, and remember the whole."""
        path, _, query = asked.path.partition("?")
        sent = asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
        status, headers, body = self.reply(path, query)
        self.given.append(
            Given(
                method=asked.command, path=asked.path, sent=sent, status=status, headers=headers, body=body,
                sent_kind=asked.headers.get("Content-Type") or "",
            )
        )  # fmt: skip
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("Range") or "")
        if span and status.startswith("200"):
            first, last = int(span[1]), min(int(span[2] or len(body)), len(body) - 1)
            headers = (*headers, ("Content-Range", f"bytes {first}-{last}/{len(body)}"))
            status, body = "206 Partial Content", body[first : last + 1]
        asked.send_response_only(int(status[:3]))
        for name, value in (*headers, ("Accept-Ranges", "bytes"), ("Content-Length", str(len(body)))):
            asked.send_header(name, value)
        asked.end_headers()
        asked.wfile.write(body)

    def reply(self, path: str, query: str) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
        if path in MOVED:
            return "302 Found", (("Location", MOVED[path]),), b""
        found = answer(path, query, self.edition)
        if found is None:
            return "404 Not Found", (("Content-Type", "text/plain"),), b"none"
        return "200 OK", (("Content-Type", found[0]), ("Cache-Control", "no-store")), found[1]
