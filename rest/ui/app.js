"use strict";

// The page asks the worker every two seconds while somebody looks at it, and rebuilds only what changed, so that the focus, an open
// trace and a selection stay. Everything shown is text: nothing that comes from the worker is ever parsed as HTML.

const refreshEvery = 2000;
const patience = 15000;
const api = new URL(location.pathname.replace(/ui\/?$/, ""), location.origin);
const byId = (id) => document.getElementById(id);

const shown = new Map(); // connector -> {signature, item, text}
let plugins = "";
let timer = 0;

async function call(method, path) {
  const answer = await fetch(new URL(path, api), {
    method,
    cache: "no-store",
    headers: method === "GET" ? {} : { "X-Outboard-UI": "1" },
    signal: AbortSignal.timeout(method === "GET" ? patience : 120000),
  });
  const text = await answer.text();
  let body = null;
  try {
    body = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Error(`${answer.status}: the answer to ${path} is not JSON`);
  }
  return { ok: answer.ok, status: answer.status, body };
}

async function read(path) {
  const answer = await call("GET", path);
  if (!answer.ok) throw new Error(answer.body?.message ?? `HTTP ${answer.status}`);
  return answer.body;
}

// element("button", {type: "button", onclick: f}, "Restart"): attributes, functions as properties, children as text or nodes.
function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === undefined) continue;
    if (typeof value === "function") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// overall rolls a connector and its tasks up into one word.
function overall(status) {
  const state = status.connector.state;
  const failed = status.tasks.filter((task) => task.state === "FAILED").length;
  if (state === "FAILED" || (failed > 0 && failed === status.tasks.length)) return "failed";
  if (failed > 0) return "degraded";
  return state.toLowerCase();
}

function stateLabel(word, text) {
  return element("span", { class: `state ${word.toLowerCase()}` }, text ?? word);
}

// problem shows what a newcomer needs of a trace, its first line without the class of the exception, and keeps all of it at hand.
function problem(trace) {
  const first = trace.split("\n", 1)[0];
  const message = first.replace(/^[\w.$]+(Exception|Error): /, "");
  return element("div", { class: "problem" },
    element("strong", null, message),
    message === trace.trimEnd() ? null : element("details", null, element("summary", null, "Trace"), element("pre", { tabindex: "0" }, trace)));
}

function actionButton(label, key, method, path, options = {}) {
  return element("button", {
    type: "button",
    "data-key": key,
    "aria-label": options.about ? `${label} ${options.about}` : undefined,
    disabled: options.disabled === true,
    onclick: (event) => act(event.currentTarget, label, options.about ?? "", method, path),
  }, label);
}

function connectorItem(name, status, info) {
  const path = `connectors/${encodeURIComponent(name)}`;
  const state = status.connector.state;
  const word = overall(status);
  const failed = state === "FAILED" || status.tasks.some((task) => task.state === "FAILED");
  const idle = state === "PAUSED" || state === "STOPPED";
  const button = (label, method, call, options) => actionButton(label, `${label} ${name}`, method, `${path}/${call}`, { about: name, ...options });
  const version = status.connector.version ? ` ${status.connector.version}` : "";

  return element("li", { class: `connector ${word}` },
    element("div", { class: "head" },
      element("h3", null, name),
      stateLabel(word, word === "degraded" ? "DEGRADED" : state),
      element("div", { class: "buttons" },
        failed ? button("Restart failed", "POST", "restart?includeTasks=true&onlyFailed=true") : null,
        button("Restart", "POST", "restart?includeTasks=true", { disabled: state === "STOPPED" }),
        idle ? button("Resume", "PUT", "resume") : button("Pause", "PUT", "pause"),
        button("Stop", "PUT", "stop", { disabled: state === "STOPPED" }))),
    element("p", { class: "facts" },
      `${status.type} · ${info?.config?.["connector.class"] ?? "?"}${version} · on ${status.connector.worker_id} · ${count(status.tasks.length, "task")}`),
    status.connector.trace ? problem(status.connector.trace) : null,
    element("ul", { class: "tasks", "aria-label": `Tasks of ${name}` }, ...status.tasks.map((task) => taskItem(name, path, task))));
}

function taskItem(name, path, task) {
  const about = `task ${task.id} of ${name}`;
  return element("li", null,
    element("div", { class: "task" },
      element("span", null, `Task ${task.id}`),
      stateLabel(task.state),
      element("span", { class: "where" }, task.worker_id),
      actionButton("Restart", `Restart ${task.id} ${name}`, "POST", `${path}/tasks/${task.id}/restart`, { about })),
    task.trace ? problem(task.trace) : null);
}

const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

async function act(button, label, about, method, path) {
  button.disabled = true;
  try {
    const answer = await call(method, path);
    if (!answer.ok) throw new Error(answer.body?.message ?? `HTTP ${answer.status}`);
    notice(`${label}: ${about} – accepted`);
  } catch (error) {
    notice(`${label}: ${about} – ${error.message}`, true);
  } finally {
    button.disabled = false;
  }
  refresh();
}

let noticeTimer = 0;
function notice(text, bad = false) {
  const node = byId("notice");
  node.textContent = text;
  node.classList.toggle("bad", bad);
  node.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { node.hidden = true; }, bad ? 20000 : 5000);
}

// replace puts a new item in the place of an old one and keeps its open traces and the focused button.
function replace(old, item) {
  const open = [...old.querySelectorAll("details")].map((details) => details.open);
  const key = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  old.replaceWith(item);
  item.querySelectorAll("details").forEach((details, i) => { details.open = open[i] ?? false; });
  if (key === undefined) return;
  const buttons = [...item.querySelectorAll("button")];
  (buttons.find((button) => button.dataset.key === key && !button.disabled) ?? buttons.find((button) => !button.disabled))?.focus();
}

function showConnectors(connectors) {
  const list = byId("connectors");
  const names = Object.keys(connectors).filter((name) => connectors[name].status).sort();
  for (const [name, entry] of shown) {
    if (!names.includes(name)) {
      entry.item.remove();
      shown.delete(name);
    }
  }
  let before = null;
  for (const name of names) {
    const { status, info } = connectors[name];
    const signature = JSON.stringify([status, info?.config?.["connector.class"]]);
    let entry = shown.get(name);
    if (entry?.signature !== signature) {
      const item = connectorItem(name, status, info);
      if (entry) replace(entry.item, item);
      entry = { signature, item, word: overall(status), text: searchable(name, status, info) };
      shown.set(name, entry);
    }
    const next = before === null ? list.firstElementChild : before.nextElementSibling;
    if (entry.item !== next) list.insertBefore(entry.item, next);
    before = entry.item;
  }
  filter();
}

// searchable is what the filter looks at.
function searchable(name, status, info) {
  const words = [name, info?.config?.["connector.class"], status.type, overall(status)];
  for (const part of [status.connector, ...status.tasks]) words.push(part.state, part.worker_id, part.trace);
  return words.filter((word) => word).join("\n").toLowerCase();
}

function filter() {
  const wanted = byId("filter").value.trim().toLowerCase();
  const counts = new Map();
  let visible = 0;
  for (const entry of shown.values()) {
    entry.item.hidden = wanted !== "" && !entry.text.includes(wanted);
    if (!entry.item.hidden) visible++;
    counts.set(entry.word, (counts.get(entry.word) ?? 0) + 1);
  }
  setText("counts", [...counts].sort().map(([word, n]) => `${n} ${word}`).join(" · "));
  byId("none").hidden = visible > 0;
  setText("none", shown.size === 0 ? "No connectors yet. Create one with POST /connectors or PUT /connectors/<name>/config."
    : "No connector matches the filter.");
}

// setText spares a live region an announcement of what it says already.
function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function showPlugins(list) {
  const signature = JSON.stringify(list);
  if (signature === plugins) return;
  plugins = signature;
  byId("no-plugins").hidden = list.length > 0;
  byId("plugins").replaceChildren(...list.map((plugin) => element("tr", null,
    element("td", null, plugin.class), element("td", null, plugin.type), element("td", null, plugin.version ?? ""))));
}

function showHealth(word, text) {
  byId("health").className = `state ${word}`;
  setText("health", text);
}

async function refresh() {
  clearTimeout(timer);
  try {
    const health = await call("GET", "health");
    const { status, message } = health.body;
    showHealth(status, status === "healthy" ? status : `${status}: ${message}`);
    const [root, connectors, list] = await Promise.all([read(""), read("connectors?expand=status&expand=info"), read("connector-plugins")]);
    setText("worker", `commit ${root.commit} · Kafka cluster ${root.kafka_cluster_id} · API of Kafka Connect ${root.version}`);
    showConnectors(connectors);
    showPlugins(list);
  } catch (error) {
    showHealth("unhealthy", `no answer: ${error.message}`);
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, refreshEvery);
}

byId("filter").addEventListener("input", filter);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== byId("filter")) {
    event.preventDefault();
    byId("filter").focus();
  }
});
refresh();
