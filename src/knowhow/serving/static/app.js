"use strict";
// Everything works without these files; they add streaming, the conversation, uploads and live progress.
import { followAnswers } from "./advise.js";
import { followTasks } from "./tasks.js";
import { startAsking } from "./ask.js";
import { startUploads } from "./upload.js";

startAsking();
followAnswers();
startUploads();
followTasks();
