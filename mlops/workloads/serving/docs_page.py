"""Show the interface to people.

Lives here: PAGE, one page of HTML that reads `openapi.json` beside it, and sends a request from a form.
Not here: what it shows (openapi).
Law: it loads nothing from elsewhere and holds nothing of the model, so that everybody may see it; what it shows needs the key
where the endpoint has one.
"""

from __future__ import annotations

PAGE = rb"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Model endpoint</title>
<link rel="icon" href="data:,">
<style>
:root { --ink: #1c2430; --soft: #5b6675; --line: #dde2e8; --paper: #fff; --panel: #f5f7f9; --accent: #1559b7; --good: #18794e; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #333b46; --paper: #14181d; --panel: #1d232a; --accent: #7db2ff; --good: #5fc99a; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem; }
p { margin: .25rem 0 .75rem; }
.soft { color: var(--soft); }
code, pre, textarea, input { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .875rem; }
pre, textarea, input { background: var(--panel); color: inherit; border: 1px solid var(--line); border-radius: 6px; padding: .6rem .75rem; width: 100%; }
pre { margin: 0; overflow: auto; max-height: 26rem; white-space: pre-wrap; overflow-wrap: anywhere; }
textarea { min-height: 15rem; resize: vertical; display: block; }
button { font: inherit; font-weight: 600; color: #fff; background: #1559b7; border: 0; border-radius: 6px; padding: .5rem 1.1rem; cursor: pointer; }
button:disabled { opacity: .6; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
label { display: block; font-weight: 600; font-size: .9rem; margin: 0 0 .3rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.25rem; }
@media (max-width: 48rem) { .pair { grid-template-columns: 1fr; } }
.row { display: flex; gap: .75rem; align-items: center; margin: .75rem 0; flex-wrap: wrap; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .925rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th { background: var(--panel); font-size: .825rem; color: var(--soft); }
td:first-child { white-space: nowrap; }
#answer { min-height: 15rem; }
@media (max-width: 48rem) {
  #addresses thead { display: none; }
  #addresses td { display: block; border: 0; padding: .15rem .75rem; white-space: normal; overflow-wrap: anywhere; }
  #addresses td:first-child { padding-top: .5rem; }
  #addresses td:last-child { border-bottom: 1px solid var(--line); padding-bottom: .5rem; }
}
.verb { font-weight: 700; font-size: .75rem; letter-spacing: .03em; color: var(--accent); display: inline-block; width: 3rem; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
[hidden] { display: none; }
</style>
</head>
<body>
<main>
<h1 id="title">Model endpoint</h1>
<p class="soft" id="about">Reading <code>openapi.json</code>&hellip;</p>
<section id="ask" hidden>
  <label for="key">API key</label>
  <input id="key" type="password" autocomplete="off" placeholder="the value of the header x-api-key">
  <div class="row"><button id="enter">Show the interface</button><span id="denied" class="bad" role="status"></span></div>
</section>
<section id="all" hidden>
  <h2>Try it</h2>
  <div class="pair">
    <div>
      <label for="body">Request to <code>POST predict</code></label>
      <textarea id="body" spellcheck="false"></textarea>
      <div class="row"><button id="send">Send</button></div>
    </div>
    <div>
      <label for="answer">Answer <span id="status" role="status"></span></label>
      <pre id="answer" tabindex="0" class="soft">Nothing was sent yet.</pre>
    </div>
  </div>
  <h2>From a shell</h2>
  <pre id="shell" tabindex="0"></pre>
  <h2>Columns of a row</h2>
  <div class="scroll"><table><thead><tr><th>Column</th><th>Type</th><th>What is known of it</th></tr></thead><tbody id="columns"></tbody></table></div>
  <h2>Addresses</h2>
  <div class="scroll"><table id="addresses"><thead><tr><th>Address</th><th>What it does</th></tr></thead><tbody id="paths"></tbody></table></div>
  <p class="soft" style="margin-top:1rem">The description for programs is <a href="openapi.json" style="color:var(--accent)">openapi.json</a>.</p>
</section>
<noscript><p>This page needs JavaScript. The same is described in <a href="openapi.json">openapi.json</a>.</p></noscript>
</main>
<script>
"use strict";
const at = (id) => document.getElementById(id);
const base = location.href.replace(/[?#].*$/, "").replace(/docs\/?$/, "").replace(/\/?$/, "/");
let key = "";
const headers = () => (key ? { "x-api-key": key } : {});
const cell = (row, text, code) => {
  const td = row.insertCell();
  if (code) { const c = document.createElement("code"); c.textContent = text; td.append(c); } else td.textContent = text;
  return td;
};
async function read() {
  const answer = await fetch(base + "openapi.json", { headers: headers() });
  if (answer.status === 401) {
    at("about").textContent = "This endpoint needs a key.";
    at("ask").hidden = false;
    at("denied").textContent = key ? "The key is wrong." : "";
    at("key").focus();
    return;
  }
  if (!answer.ok) throw new Error("openapi.json was answered with " + answer.status);
  show(await answer.json());
}
function show(api) {
  const schemas = api.components.schemas;
  document.title = api.info.title + " " + api.info.version;
  at("title").textContent = api.info.title + " ";
  const version = document.createElement("span");
  version.className = "soft"; version.textContent = api.info.version;
  at("title").append(version);
  at("about").textContent = api.info.description.replaceAll("`", "");
  const media = api.paths["/predict"].post.requestBody.content["application/json"];
  const example = media.examples ? Object.values(media.examples)[0].value : {};
  at("body").value = JSON.stringify(example, null, 2);
  const word = key ? " -H \"x-api-key: $KEY\"" : "";
  const one = JSON.stringify(example).replaceAll("'", "'\\''");
  at("shell").textContent = "curl" + word + " -H 'content-type: application/json' \\\n  -d '" + one + "' \\\n  " + base + "predict";
  const needed = new Set(schemas.Row.required || []);
  for (const [name, column] of Object.entries(schemas.Row.properties)) {
    if (!column.type) continue;
    const row = at("columns").insertRow();
    cell(row, name, true);
    const types = [column.type].flat().filter((type) => type !== "null");
    cell(row, (column.contentMediaType ? "image, base64" : column.format || types[0]) + (needed.has(name) ? ", required" : ""));
    cell(row, column.description || "");
  }
  for (const [path, verbs] of Object.entries(api.paths)) for (const [verb, what] of Object.entries(verbs)) {
    const row = at("paths").insertRow();
    const first = cell(row, "");
    const name = document.createElement("span");
    name.className = "verb"; name.textContent = verb.toUpperCase();
    const code = document.createElement("code");
    code.textContent = new URL(base).pathname + path.slice(1);
    first.append(name, code);
    cell(row, what.summary.replaceAll("`", ""));
  }
  at("ask").hidden = true;
  at("all").hidden = false;
}
async function send() {
  at("send").disabled = true;
  at("status").textContent = "";
  const started = performance.now();
  try {
    const answer = await fetch(base + "predict", { method: "POST", headers: { ...headers(), "content-type": "application/json" }, body: at("body").value });
    const text = await answer.text();
    at("status").className = answer.ok ? "good" : "bad";
    at("status").textContent = answer.status + " in " + Math.round(performance.now() - started) + " ms";
    at("answer").className = "";
    try { at("answer").textContent = JSON.stringify(JSON.parse(text), null, 2); } catch { at("answer").textContent = text; }
  } catch (error) {
    at("status").className = "bad";
    at("status").textContent = "no answer";
    at("answer").textContent = String(error);
  }
  at("send").disabled = false;
}
const enter = () => { key = at("key").value; read().catch(fail); };
const fail = (error) => { at("about").className = "bad"; at("about").textContent = String(error.message || error); };
at("enter").addEventListener("click", enter);
at("key").addEventListener("keydown", (event) => { if (event.key === "Enter") enter(); });
at("send").addEventListener("click", send);
read().catch(fail);
</script>
</body>
</html>
"""
