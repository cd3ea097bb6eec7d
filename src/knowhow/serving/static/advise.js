"use strict";
// The recommendation follows every answer at once: the form is sent in the background and what comes back takes its place.

export function followAnswers() {
  const box = document.getElementById("advice");
  box?.addEventListener("change", async (event) => {
    const form = event.target.form, field = { name: event.target.name, value: event.target.value, type: event.target.type };
    if (!form?.querySelector("[name=goal]:checked")) return;
    const response = await fetch(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`);
    if (!response.ok) return;
    const parsed = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("advice");
    box.replaceChildren(...document.adoptNode(parsed).childNodes);
    const again = [...box.querySelectorAll("input")].find((input) => input.name === field.name && (field.type === "text" || input.value === field.value));
    again?.focus({ preventScroll: true });
    history.replaceState(null, "", response.url);
  });
}
