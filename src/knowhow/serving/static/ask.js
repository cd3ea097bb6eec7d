"use strict";
// Streaming an answer into the page, and the conversation that later questions refer to.
import { element, fill, readError } from "./page.js";

const turns = [];

export function startAsking() {
  const form = document.getElementById("ask"), field = document.getElementById("question");
  form?.addEventListener("submit", (event) => ask(event, form, field));
  field?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
}

async function ask(event, form, field) {
  event.preventDefault();
  const failure = document.getElementById("failure"), button = form.querySelector("button"), question = field.value.trim();
  if (!question || button.disabled) return;
  failure.hidden = true;
  button.disabled = true;
  const box = document.getElementById("conversation"), text = element("p", "text", "…"), holder = element("article", "answer", "");
  const asked = element("p", "question", question);
  holder.setAttribute("aria-live", "polite");
  holder.setAttribute("aria-busy", "true");
  holder.append(text);
  box.prepend(asked, holder);
  try {
    const ending = await stream([...turns, { role: "user", content: question }], form.dataset, (sofar) => { text.textContent = sofar; });
    const page = await fetch(`/answers/${ending.answer_id}`);
    if (!page.ok) throw new Error(await readError(page, form.dataset.failed));
    // The fragment comes from our own server with every value escaped, and the page's policy runs no inline script.
    const parsed = new DOMParser().parseFromString(await page.text(), "text/html");
    holder.replaceWith(document.adoptNode(parsed.body.firstElementChild));
    turns.push({ role: "user", content: question }, { role: "assistant", content: ending.text });
    field.value = "";
  } catch (error) {
    holder.remove();
    asked.remove();
    failure.textContent = error.message;
    failure.hidden = false;
  } finally {
    button.disabled = false;
    field.focus();
  }
}

async function stream(messages, words, show) {
  const response = await fetch("/v1/chat/completions", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ model: "knowhow", messages, stream: true }),
  });
  if (!response.ok) throw new Error(await readError(response, words.failed));
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
  if (!ending) throw new Error(fill(words.cut));
  return ending;
}
