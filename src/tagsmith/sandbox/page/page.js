// Draws what /live says. All that came from outside becomes text of a node, never markup.
"use strict";

const PERIOD_MS = 1000;
const SHOWN = {requests: 25, reservations: 12, keys: 10, orders: 6};
let version = "";

const place = (id) => document.getElementById(id);
const time = (iso) => new Date(iso).toLocaleTimeString([], {hour12: false});

function cell(text, kind = "") {
  const made = document.createElement("td");
  made.textContent = text;
  made.className = kind;
  return made;
}

function under(parent, text, kind = "") {
  const made = document.createElement("div");
  made.textContent = text;
  made.className = kind;
  parent.append(made);
}

function fill(id, items, row) {
  const rows = items.slice(0, SHOWN[id]).map((item) => {
    const made = document.createElement("tr");
    made.append(...row(item));
    return made;
  });
  if (!rows.length) {
    const none = document.createElement("tr");
    none.className = "none";
    const empty = cell("nothing yet");
    empty.colSpan = 9;
    none.append(empty);
    rows.push(none);
  }
  place(id).replaceChildren(...rows);
}

function judged(status) {
  if (status === 0) return ["no answer", "bad"];
  if (status < 300) return [`${status}`, "good"];
  return [`${status}`, status < 500 ? "warn" : "bad"];
}

function requestRow(one) {
  const [words, kind] = judged(one.status);
  const asked = cell(`${one.method} ${one.path}`, "code");
  if (one.body) under(asked, one.body);
  if (one.fault) under(asked, `fault: ${one.fault}`, "fault");
  return [cell(time(one.at), "time"), cell(words, `status ${kind}`), asked];
}

function draw(now) {
  for (const [id, name] of [["reserved", "reserved"], ["active", "active"], ["orders-total", "orders"],
                            ["requests-total", "requests"], ["minute", "minute"]]) {
    place(id).textContent = now.totals[name].toLocaleString("en");
  }
  const last = now.reservations[0];
  place("last").hidden = !last;
  if (last) {
    place("last-number").textContent = last.number;
    place("last-uid").textContent = last.uid;
    place("last-state").textContent = last.user ? `active for ${last.user}` : "reserved";
    place("last-state").className = last.user ? "good" : "";
  }
  place("faults").hidden = !now.faults.length;
  place("fault-list").replaceChildren(...now.faults.map((one) => {
    const made = document.createElement("li");
    const left = one.left === null ? "" : `, ${one.left} left`;
    made.textContent = `${one.spec} (struck ${one.hits}${left})`;
    return made;
  }));
  fill("requests", now.requests, requestRow);
  fill("reservations", now.reservations, (one) => [
    cell(time(one.at), "time"), cell(one.number), cell(one.uid, "code"), cell(one.user || "–", one.user ? "good" : ""),
  ]);
  fill("keys", now.keys, (one) => [
    cell(one.user), cell(one.name), cell(one.key, "code"), cell(one.contract, "code"),
    one.enabled ? cell("on", "good") : cell("off", "bad"),
  ]);
  fill("orders", now.orders, (one) => [cell(time(one.at), "time"), cell(one.user), cell(one.id, "code"), cell(one.state)]);
}

async function look() {
  const clock = place("clock");
  try {
    const response = await fetch(`live?seen=${encodeURIComponent(version)}`, {signal: AbortSignal.timeout(5000)});
    if (!response.ok) throw new Error(`${response.status}`);
    const now = await response.json();
    clock.textContent = `${now.now.slice(0, 19).replace("T", " ")} UTC`;
    clock.className = "";
    if (now.totals) draw(now);
    version = now.version;
  } catch {
    clock.textContent = "the sandbox does not answer";
    clock.className = "lost";
  }
  setTimeout(look, PERIOD_MS);
}

look();
