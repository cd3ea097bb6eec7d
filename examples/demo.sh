#!/usr/bin/env bash
# The main job on the bundled example: ingest a folder, ask, compare strategies on held-out questions, read the verdict.
# Needs no key and no GPU; after the models are fetched once, nothing leaves the machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
knowhow=${KNOWHOW:-knowhow}
folder=${DEMO_FOLDER:-demo}
budget=${DEMO_BUDGET:-17m}

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

# Answers, adapters and the index of an earlier demo are kept, so that a second run is quick; delete the folder for a fresh one.
mkdir -p "$folder"
for part in documents examples.jsonl knowhow.toml; do
  [ -e "$folder/$part" ] || cp -r "$here/bank-support/$part" "$folder/"
done

step "1/5  Models (fetched once, about 190 MB, checked by digest)"
"$knowhow" models get

step "2/5  Ingest 48 policy documents: Markdown, PDF, Word, Excel, PowerPoint, HTML, CSV, e-mail"
"$knowhow" ingest -C "$folder"

step "3/5  Ask"
"$knowhow" ask -C "$folder" \
  "How many days do I have to dispute a card payment?" \
  "Is my money protected if the bank goes bust?"

step "4/5  Advice before any measurement: what published studies found in such cases"
"$knowhow" advise -C "$folder" --yes --goal both --changes slow --citations yes

step "5/5  Measure: every strategy on held-out questions (budget $budget; resumable)"
"$knowhow" compare -C "$folder" --budget "$budget"
