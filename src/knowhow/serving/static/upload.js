"use strict";
// Uploading files or a whole folder, then reading them at once.
import { fill, readError } from "./page.js";

export function startUploads() {
  const form = document.getElementById("upload");
  form?.addEventListener("submit", (event) => { event.preventDefault(); upload(form); });
  const state = document.getElementById("ingest-state");
  if (state?.dataset.state === "running") followIngest();
}

async function upload(form) {
  const state = document.getElementById("upload-state"), button = form.querySelector("button");
  const files = [...document.getElementById("files").files, ...document.getElementById("folder").files].filter((file) => !isHidden(file));
  if (!files.length) { state.textContent = form.dataset.none; return; }
  button.disabled = true;
  try {
    for (const file of files) {
      state.textContent = fill(form.dataset.uploading, { name: file.name });
      const path = pathOf(file).split("/").map(encodeURIComponent).join("/");
      const response = await fetch(`/api/documents/${path}`, { method: "PUT", headers: { "Content-Type": "application/octet-stream" }, body: file });
      if (!response.ok) throw new Error(`${file.name}: ${await readError(response, form.dataset.failed)}`);
    }
    const response = await fetch("/api/ingest", { method: "POST" });
    if (!response.ok) throw new Error(await readError(response, form.dataset.failed));
    location.assign("/documents");
  } catch (error) {
    state.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

// The chosen folder becomes the documents folder itself, so its own name is left out.
function pathOf(file) {
  return file.webkitRelativePath ? file.webkitRelativePath.split("/").slice(1).join("/") : file.name;
}

function isHidden(file) {
  return pathOf(file).split("/").some((part) => part.startsWith("."));
}

async function followIngest() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const response = await fetch("/api/ingest");
    if (!response.ok || (await response.json()).state !== "running") { location.assign("/documents"); return; }
  }
}
