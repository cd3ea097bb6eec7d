"""The HTTP border: an OpenAI-compatible interface, the verbs under /api, and web pages; concurrency lives here and nowhere below."""
