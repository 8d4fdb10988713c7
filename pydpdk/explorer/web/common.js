"use strict";
// Shared by all parts: the data, numbers as text, elements, colours, the tip, the marked owner.
const D = JSON.parse(document.getElementById("data").textContent);
const FREE = "free";
const owners = D.owners.map(([kind, name, bytes, blocks], id) => ({ id, kind, name, bytes, blocks }));
const poolColour = new Map(D.pools.map((pool, i) => [pool.name, `--pool${i % 6}`]));

const hex = (n) => (n === null ? "unknown" : "0x" + n.toString(16));
const count = (n) => n.toLocaleString("en-US");

function size(n) {
  for (const [unit, name] of [[2 ** 40, "TB"], [2 ** 30, "GB"], [2 ** 20, "MB"], [2 ** 10, "KB"]])
    if (n >= unit) {
      const number = n >= 100 * unit ? Math.round(n / unit) : Number((n / unit).toPrecision(3));
      return `${number.toLocaleString("en-US")} ${name}`;
    }
  return `${n} bytes`;
}

const node = (id) => (id < 0 ? "any node" : `node ${id}`);

function percent(part, whole) {
  const share = whole ? (100 * part) / whole : 0;
  return share > 0 && share < 0.1 ? "<0.1 %" : `${share.toFixed(1)} %`;
}

// An element with attributes and children; text is only ever set as text.
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name === "style") for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  node.append(...children.map((child) => child ?? ""));
  return node;
}

// Each mempool has a colour of its own; memzones, which are many, share three shades of one.
const zoneShade = new Map(owners.filter((owner) => owner.kind === "memzone")
  .map((owner, i) => [owner.name, `--memzone${i % 3}`]));

function variable({ kind, name }) {
  if (kind === "mempool") return poolColour.get(name) ?? "--pool0";
  return kind === "memzone" ? zoneShade.get(name) ?? "--memzone0" : `--${kind}`;
}

const colour = (owner) => `var(${variable(owner)})`;
const KINDS = { mempool: "mempool", ring: "ring", memzone: "memzone" };

function label(owner) {
  if (owner.kind === "heap") return "rte_malloc, without a name";
  return owner.name;
}

// The tip: a title and pairs, near the pointer and inside the window.
const tip = document.getElementById("tip");

function showTip(event, title, pairs) {
  const rows = pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]);
  tip.replaceChildren(make("b", {}, title), make("dl", {}, ...rows));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, innerWidth - box.width - 8);
  const below = event.clientY + 18;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${below + box.height < innerHeight ? below : event.clientY - box.height - 12}px`;
}

const hideTip = () => { tip.hidden = true; };
addEventListener("scroll", hideTip, { passive: true });

// The marked owner: kept by a click, or shown while the pointer is on it.
const marks = { kept: null, hovered: null, redraw: [] };
const marked = () => marks.hovered ?? marks.kept;

function mark(change) {
  const before = marked();
  Object.assign(marks, change);
  if (marked() === before) return;
  document.body.classList.toggle("marking", marked() !== null);
  for (const node of document.querySelectorAll(".markable"))
    node.classList.toggle("marked", Number(node.dataset.owner) === marked());
  for (const draw of marks.redraw) draw();
}

// Make an element that represents an owner markable.
function markable(node, owner) {
  node.classList.add("markable");
  node.dataset.owner = owner.id;
  node.addEventListener("pointerenter", () => mark({ hovered: owner.id }));
  node.addEventListener("pointerleave", () => { mark({ hovered: null }); hideTip(); });
  node.addEventListener("click", () => mark({ kept: marks.kept === owner.id ? null : owner.id }));
  return node;
}
