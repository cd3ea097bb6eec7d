"use strict";
// Live progress of long tasks: each event says that something happened, the page shows it as the server draws it.

export function followTasks() {
  for (const panel of document.querySelectorAll("[data-task]")) if (panel.dataset.task) follow(panel);
}

function follow(panel) {
  const events = new EventSource(`/api/tasks/${panel.dataset.task}/events`);
  let waiting = false;
  events.addEventListener("message", async () => {
    if (waiting) return;
    waiting = true;
    await new Promise((resolve) => setTimeout(resolve, 700));
    waiting = false;
    const response = await fetch(`/tasks/${panel.dataset.task}`);
    if (!response.ok) return;
    const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
    panel.querySelector(".progress").replaceChildren(document.adoptNode(parsed.body.firstElementChild));
  });
  events.addEventListener("end", () => { events.close(); location.reload(); });
}
