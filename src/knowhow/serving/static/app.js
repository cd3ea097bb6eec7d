"use strict";
// Everything works without this file; it adds streaming, the conversation and uploads.
const byId = (id) => document.getElementById(id);

async function readError(response) {
  try { return (await response.json()).error.message; } catch { return `The server answered ${response.status}.`; }
}

function element(kind, name, text) {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

const turns = [];

async function ask(event) {
  event.preventDefault();
  const field = byId("question"), failure = byId("failure"), button = byId("ask").querySelector("button");
  const question = field.value.trim();
  if (!question) return;
  failure.hidden = true;
  button.disabled = true;
  const box = byId("conversation"), text = element("p", "text", "…"), holder = element("article", "answer", "");
  holder.setAttribute("aria-live", "polite");
  holder.setAttribute("aria-busy", "true");
  holder.append(text);
  box.append(element("p", "question", question), holder);
  try {
    const ending = await stream([...turns, { role: "user", content: question }], (sofar) => { text.textContent = sofar; });
    const page = await fetch(`/answers/${ending.answer_id}`);
    if (!page.ok) throw new Error(await readError(page));
    // The fragment comes from our own server with every value escaped, and the page's policy runs no inline script.
    const parsed = new DOMParser().parseFromString(await page.text(), "text/html");
    holder.replaceWith(document.adoptNode(parsed.body.firstElementChild));
    turns.push({ role: "user", content: question }, { role: "assistant", content: ending.text });
    field.value = "";
  } catch (error) {
    holder.remove();
    failure.textContent = error.message;
    failure.hidden = false;
  } finally {
    button.disabled = false;
    field.focus();
  }
}

async function stream(messages, show) {
  const response = await fetch("/v1/chat/completions", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ model: "knowhow", messages, stream: true }),
  });
  if (!response.ok) throw new Error(await readError(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", sofar = "", ending = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n\n");
    rest = lines.pop();
    for (const line of lines) {
      const data = line.replace(/^data: /, "");
      if (data === "[DONE]") continue;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(chunk.error.message);
      if (chunk.knowhow) ending = chunk.knowhow;
      const delta = chunk.choices[0]?.delta.content;
      if (delta) { sofar += delta; show(sofar); }
    }
  }
  if (!ending) throw new Error("The answer was cut off. Ask again.");
  return ending;
}

async function upload(event) {
  event.preventDefault();
  const state = byId("upload-state");
  let sent = 0;
  for (const file of byId("files").files) {
    state.textContent = `Uploading ${file.name}…`;
    const response = await fetch(`/api/documents/${encodeURIComponent(file.name)}`, {
      method: "PUT", headers: { "Content-Type": "application/octet-stream" }, body: file,
    });
    if (!response.ok) { state.textContent = `${file.name}: ${await readError(response)}`; return; }
    sent += 1;
  }
  state.textContent = sent ? `${sent} uploaded. Press Ingest to read them.` : "Choose files first.";
}

async function followIngest() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const response = await fetch("/api/ingest");
    if (!response.ok || (await response.json()).state !== "running") { location.reload(); return; }
  }
}

function submitOnEnter(event) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); byId("ask").requestSubmit(); }
}

byId("ask")?.addEventListener("submit", ask);
byId("question")?.addEventListener("keydown", submitOnEnter);
byId("upload")?.addEventListener("submit", upload);
if (byId("ingest-state")?.dataset.state === "running") followIngest();
