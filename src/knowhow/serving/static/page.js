"use strict";
// What the other files share.

export function element(kind, name, text) {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

export function fill(words, values = {}) {
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export async function readError(response, words) {
  try { return (await response.json()).error.message; } catch { return fill(words, { status: response.status }); }
}
